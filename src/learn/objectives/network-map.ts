/**
 * What a network makes of samples: features of an image, the image of a latent. Arrays are flat, row-major; every sample goes
 * its own way, `count × dim` to `count × width`.
 */
export interface NetworkMap {
  map(values: Float32Array, count: number, signal?: AbortSignal): Promise<Float32Array>;
  /** Jᵀ·cotangent, `count × dim`, from a cotangent `count × width`. Absent when the network has no gradient. */
  vjp?(values: Float32Array, cotangent: Float32Array, count: number, signal?: AbortSignal): Promise<Float32Array>;
}

/** One network behind another. The first one's outputs are computed again for the gradient, not kept. */
export function composed(first: NetworkMap, second: NetworkMap): NetworkMap {
  return {
    map: async (values, count, signal) => second.map(await first.map(values, count, signal), count, signal),
    ...(first.vjp &&
      second.vjp && {
        vjp: async (values, cotangent, count, signal) => {
          const between = await first.map(values, count, signal);
          const pulled = await second.vjp!(between, cotangent, count, signal);
          return first.vjp!(values, pulled, count, signal);
        },
      }),
  };
}

/** Step of the differences: this share of a sample's root mean square. */
const stepSize = 0.01;

/**
 * J·tangent of every sample, `count × width`, by one-sided differences; each sample has a step of its own, with
 * h·rms(tangent) = 0.01·rms(values).
 *
 * @param mapped `map(values)`
 */
export async function pushThrough(
  map: NetworkMap,
  values: Float32Array,
  mapped: Float32Array,
  tangent: Float32Array,
  count: number,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const dim = values.length / count;
  const width = mapped.length / count;
  const moved = values.slice();
  const steps = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const size = norm(tangent, i * dim, dim);
    if (size === 0) continue;
    // A sample of zeros has no size to go by; the tangent's own does then.
    steps[i] = (stepSize * (norm(values, i * dim, dim) || size)) / size;
    for (let e = i * dim; e < (i + 1) * dim; e++) moved[e]! += steps[i]! * tangent[e]!;
  }
  const ahead = await map.map(moved, count, signal);
  return ahead.map((value, e) => {
    const step = steps[Math.floor(e / width)]!;
    return step === 0 ? 0 : (value - mapped[e]!) / step;
  });
}

function norm(values: Float32Array, at: number, length: number): number {
  let sum = 0;
  for (let e = at; e < at + length; e++) sum += values[e]! ** 2;
  return Math.sqrt(sum);
}
