import { linspace } from './numpy-grid';

/**
 * The noise levels σ̂ = σ/α that "Align Your Steps" optimised for 10 steps (Sabour, Fidler & Kreis 2024), as published
 * for each model, from the start to the end of the last step.
 */
export const aysSigmas = {
  sd15: [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029],
  sdxl: [14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.38, 0.234, 0.113, 0.029],
  deepfloyd: [160.41, 8.081, 3.315, 1.885, 1.207, 0.785, 0.553, 0.293, 0.186, 0.03, 0.006],
  svd: [700, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002],
} as const satisfies Record<string, readonly number[]>;

/**
 * A falling list of noise levels as one of `n + 1` for n steps: log σ̂ is linear between the entries, at even positions,
 * as the authors advise for other numbers of steps than their own. Both ends stay.
 */
export function interpolateLevels(levels: readonly number[], n: number): number[] {
  if (!(Number.isInteger(n) && n >= 1)) throw new RangeError(`A grid needs a whole number of steps, got ${n}.`);
  const last = levels.length - 1;
  return linspace(0, last, n + 1).map((position) => {
    const i = Math.min(Math.floor(position), last - 1);
    const part = position - i;
    // Exact at the entries themselves.
    if (part === 0) return levels[i]!;
    if (part === 1) return levels[i + 1]!;
    return levels[i]! ** (1 - part) * levels[i + 1]! ** part;
  });
}
