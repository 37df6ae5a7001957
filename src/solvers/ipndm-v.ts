import type { GridPoint } from '../diffusion/grid-point';
import type { RecordedTable, TableProblem } from './linear-form';
import { noiseMultistep, veSigma, type MultistepWindow } from './noise-multistep';

/**
 * iPNDM-v: Adams–Bashforth on the noise prediction with weights that know the earlier steps, as the diff-sampler toolbox
 * has them (Zhou et al. 2024). In VE scaling, with h_0 the step and h_1, h_2, h_3 the ones before it, in σ̂:
 *
 *     x̂' = x̂ + h_0·(E_0 + h_0/(2·h_1)·(E_0 − E_1) + a·Δ_2 + b·Δ_3)
 *         Δ_2 = (E_0 − E_1) − q·(E_1 − E_2)                                q = h_1/h_2
 *         Δ_3 = Δ_2 − r·((E_1 − E_2) − h_2/h_3·E_2 + q·E_3)                r = h_1·(h_1 + h_2)/(h_2·(h_2 + h_3))
 *         a = ½ − h_0²/(6·h_1·(h_1 + h_2))
 *         b = (½·(1 − c) + ⅙·(1 − 3c/2)·h_0/(h_0 + h_1 + h_2))·[h_0·(h_0 + h_1)·(h_0 + h_1 + h_2)]
 *             / [h_1·(h_1 + h_2)·(h_1 + h_2 + h_3)]                        c = h_0/(3·(h_0 + h_1))
 *
 * With p = 1 and 2 these are the exact variable-step weights (`lms`). The published a is exact for equal steps only: it
 * leaves the step ratio out of its first half. The published order 4 is exact for none: b adds a term that ought to be
 * subtracted (11/24 instead of 3/8 on equal steps), and Δ_3 has q where h_2/h_3 belongs, so that the weights have a sum
 * other than 1. Take `lms` for the true method, and this one to reproduce results called iPNDM-v. Its order nears p up to
 * 3, and 3 for p = 4, as steps even out when they shrink. One evaluation a step; the first p − 1 steps use the outputs
 * there are.
 */
export function ipndmV(problem: TableProblem, window: MultistepWindow): RecordedTable {
  if (![1, 2, 3, 4].includes(window.order)) throw new RangeError(`iPNDM-v has orders 1 to 4, got ${window.order}.`);
  return noiseMultistep(problem, window, ipndmVShares);
}

function ipndmVShares(nodes: readonly GridPoint[], to: GridPoint): number[] {
  const levels = [to, ...nodes].map(veSigma);
  const [h0, h1 = NaN, h2 = NaN, h3 = NaN] = nodes.map((_, j) => levels[j]! - levels[j + 1]!) as [number, ...number[]];
  const half = h0 / (2 * h1);
  const q = h1 / h2;
  const a = 0.5 - (h0 * h0) / (6 * h1 * (h1 + h2));
  switch (nodes.length) {
    case 1:
      return [1];
    case 2:
      return [1 + half, -half];
    case 3:
      return [1 + half + a, -half - (1 + q) * a, q * a];
    default: {
      const c = h0 / (3 * (h0 + h1));
      const all = h0 + h1 + h2;
      const r = (h1 * (h1 + h2)) / (h2 * (h2 + h3));
      const b =
        ((0.5 * (1 - c) + ((1 - 1.5 * c) * h0) / (6 * all)) * (h0 * (h0 + h1) * all)) /
        (h1 * (h1 + h2) * (h1 + h2 + h3));
      return [1 + half + a + b, -half - (1 + q) * a - (1 + q + r) * b, q * a + (q + r * (1 + h2 / h3)) * b, -r * q * b];
    }
  }
}
