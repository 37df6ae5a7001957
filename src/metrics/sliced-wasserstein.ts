import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Samples on a line, from left to right. */
interface Projected {
  readonly values: Float64Array;
  /** Whose they are. */
  readonly order: Uint32Array;
}

const projectionCount = 128;
/** Directions of a resample's distance: its spread needs fewer than its value. */
const resampledCount = 32;

/**
 * Sliced Wasserstein distance of order 2 (Bonneel et al. 2015) between sets of samples and one reference set of equal
 * count: the root of the mean, over random unit directions θ, of W₂² between the sets projected on θ. On the scale of the
 * root of a mean squared error per element: a shift of every sample by m gives |m|/√dim on average over θ.
 */
export class SlicedWasserstein {
  private readonly directions: readonly Float64Array[];
  private readonly reference: readonly Projected[];

  /**
   * @param reference `count × dim`
   * @param seed of the directions
   */
  constructor(
    reference: Float32Array,
    private readonly dim: number,
    seed: number,
    projections = projectionCount,
  ) {
    const generator = xoroshiro128plus(seed);
    this.directions = Array.from({ length: projections }, () => unitVector(dim, generator));
    this.reference = this.project(reference);
  }

  /**
   * The distance of a set from the reference; also of resamples, without sorting again and along the first 32 directions.
   *
   * @param samples `count × dim`; sample i shares its noise with sample i of the reference
   * @returns a function of how often each pair counts: once, when left out
   */
  distanceOf(samples: Float32Array): (times?: Uint8Array) => number {
    const projected = this.project(samples);
    return (times) => {
      const lines = times ? projected.slice(0, resampledCount) : projected;
      let sum = 0;
      lines.forEach((line, p) => (sum += squaredDistance(line, this.reference[p]!, times)));
      return Math.sqrt(sum / lines.length);
    };
  }

  private project(samples: Float32Array): Projected[] {
    const { dim } = this;
    const count = samples.length / dim;
    return this.directions.map((direction) => {
      const values = new Float64Array(count);
      for (let i = 0; i < count; i++) {
        let sum = 0;
        for (let e = 0; e < dim; e++) sum += direction[e]! * samples[i * dim + e]!;
        values[i] = sum;
      }
      const order = Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => values[a]! - values[b]!);
      return { values: Float64Array.from(order, (i) => values[i]!), order };
    });
  }
}

/** W₂² of two sets on a line: the sorted values meet in turn, each as often as it counts. */
function squaredDistance(a: Projected, b: Projected, times?: Uint8Array): number {
  const count = a.values.length;
  let sum = 0;
  if (!times) {
    for (let k = 0; k < count; k++) sum += (a.values[k]! - b.values[k]!) ** 2;
    return sum / count;
  }
  // What is left to meet of value i of a and value j of b.
  let [i, j, leftA, leftB] = [-1, -1, 0, 0];
  for (let met = 0; met < count;) {
    while (leftA === 0) leftA = times[a.order[++i]!]!;
    while (leftB === 0) leftB = times[b.order[++j]!]!;
    const together = leftA < leftB ? leftA : leftB;
    const difference = a.values[i]! - b.values[j]!;
    sum += together * difference * difference;
    leftA -= together;
    leftB -= together;
    met += together;
  }
  return sum / count;
}

function unitVector(dim: number, generator: ReturnType<typeof xoroshiro128plus>): Float64Array {
  // Box–Muller: a normal vector has no preferred direction; 1 − u keeps the logarithm finite.
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(1 - uniformFloat64(generator))) * Math.cos(2 * Math.PI * uniformFloat64(generator));
  const vector = Float64Array.from({ length: dim }, normal);
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value ** 2, 0));
  return vector.map((value) => value / length);
}
