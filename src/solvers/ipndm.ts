import type { RecordedTable, TableProblem } from './linear-form';
import { noiseMultistep, type MultistepWindow } from './noise-multistep';

/** Adams–Bashforth weights for equal steps, newest output first. */
export const adamsBashforth: readonly (readonly number[])[] = [
  [1],
  [3 / 2, -1 / 2],
  [23 / 12, -16 / 12, 5 / 12],
  [55 / 24, -59 / 24, 37 / 24, -9 / 24],
];

/**
 * iPNDM (Zhang & Chen 2023, "DEIS"): Adams–Bashforth on the noise prediction with the weights of equal steps,
 * whatever the grid. In VE scaling, x̂ = x/α and σ̂ = σ/α:
 *
 *     x̂' = x̂ + (σ̂' − σ̂)·Σ_j w_j·E_j          E_j the noise predicted j steps ago
 *
 * Order 1 for p = 1 and 2 for every p ≥ 2: the first step is Euler's, and the weights fit no uneven grid; a larger p
 * still lowers the error at few steps. One evaluation a step; the first p − 1 steps use the outputs there are.
 */
export function ipndm(
  problem: TableProblem,
  order: number,
  window: Omit<MultistepWindow, 'order'> = {},
): RecordedTable {
  if (adamsBashforth[order - 1] === undefined) throw new RangeError(`iPNDM has orders 1 to 4, got ${order}.`);
  return noiseMultistep(problem, { ...window, order }, (nodes) => adamsBashforth[nodes.length - 1]!);
}
