import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { mersenne } from 'pure-rand/generator/mersenne';

/** Noises of different purposes never meet: each has its own stream. */
export type NoiseStream = 'train' | 'validation' | 'test' | 'sample';

const streamIds: Readonly<Record<NoiseStream, number>> = { train: 1, validation: 2, test: 3, sample: 4 };

/**
 * Standard normal start noises, `count × dim`. Sample i depends on (seed, stream, i) only, never on how many are drawn.
 *
 * @param scale σ_T, the standard deviation.
 */
export function startNoises(
  seed: number,
  stream: NoiseStream,
  from: number,
  count: number,
  dim: number,
  scale: number,
): Float32Array {
  const out = new Float32Array(count * dim);
  for (let i = 0; i < count; i++) {
    const generator = mersenne(mix(mix(mix(seed) ^ streamIds[stream]) ^ (from + i)));
    for (let e = 0; e < dim; e += 2) {
      // Box–Muller; 1 − u keeps the logarithm finite.
      const radius = scale * Math.sqrt(-2 * Math.log(1 - uniformFloat64(generator)));
      const angle = 2 * Math.PI * uniformFloat64(generator);
      out[i * dim + e] = radius * Math.cos(angle);
      if (e + 1 < dim) out[i * dim + e + 1] = radius * Math.sin(angle);
    }
  }
  return out;
}

/** The 32-bit finaliser of MurmurHash3: neighbouring seeds give unrelated generators. */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
