import type { GridPoint } from '../diffusion/grid-point';
import { lagrangeIntegrals, unitMoments } from './lagrange';
import type { RecordedTable, TableProblem } from './linear-form';
import { finiteNodes, noiseMultistep, veSigma, type MultistepWindow } from './noise-multistep';

/**
 * Linear multistep (LMS of k-diffusion, Crowson 2022; ρAB-DEIS of Zhang & Chen 2023): Adams–Bashforth on the noise
 * prediction with the exact weights of the uneven grid. In VE scaling, x̂ = x/α and σ̂ = σ/α:
 *
 *     x̂' = x̂ + Σ_j E_j·∫_{σ̂}^{σ̂'} ℓ_j(u) du          ℓ_j the Lagrange polynomials of the last p levels σ̂
 *
 * A step with p outputs is of order p, 1 to 4; the first p − 1 steps use the outputs there are. A run from EDM's 80, where
 * those steps cost next to nothing, shows order p; one from a low noise level order 2. One evaluation a step.
 */
export function lms(problem: TableProblem, window: MultistepWindow): RecordedTable {
  if (![1, 2, 3, 4].includes(window.order)) throw new RangeError(`LMS has orders 1 to 4, got ${window.order}.`);
  return noiseMultistep(problem, window, lmsShares);
}

/** The weights of an Adams–Bashforth step in σ̂ over its length. */
function lmsShares(all: readonly GridPoint[], to: GridPoint): number[] {
  const nodes = finiteNodes(all);
  const from = veSigma(nodes[0]!);
  const length = veSigma(to) - from;
  // A step of no length moves nothing, whatever its weights.
  if (length === 0) return [1];
  return lagrangeIntegrals(
    nodes.map((node) => (veSigma(node) - from) / length),
    unitMoments(nodes.length),
  );
}
