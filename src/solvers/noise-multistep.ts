import type { GridPoint } from '../diffusion/grid-point';
import { combine, stepsOf, TableRecorder, type LinearForm, type RecordedTable, type TableProblem } from './linear-form';

/** How many past outputs the steps of a multistep method use. */
export interface MultistepWindow {
  /** At most this many; the first steps use the outputs there are. */
  readonly order: number;
  /** Use no more outputs than there are steps left. */
  readonly lowerOrderFinal?: boolean;
}

/**
 * Shares b_j of the noise predictions E_j, newest first, in the step to `to`; fewer than there are nodes if some are not
 * used.
 *
 * @param nodes where the predictions were made, newest first; the first is where the step begins
 */
export type StepShares = (nodes: readonly GridPoint[], to: GridPoint) => readonly number[];

/**
 * Multistep methods on the noise prediction in VE scaling, x̂ = x/α and σ̂ = σ/α:
 *
 *     x̂' = x̂ + (σ̂' − σ̂)·Σ_j b_j·E_j          E_j the noise predicted j steps ago
 *
 * One evaluation a step. A start without signal (α = 0, σ̂ = ∞) takes the limit of the first step,
 * x' = α'·X + σ'·E with X the predicted data.
 */
export function noiseMultistep(problem: TableProblem, window: MultistepWindow, shares: StepShares): RecordedTable {
  const { order, lowerOrderFinal = false } = window;
  const steps = stepsOf(problem.grid);
  const recorder = new TableRecorder(problem, steps.length);
  const past: { noise: LinearForm; point: GridPoint }[] = [];
  let x = recorder.start;
  for (const [n, { from, to }] of steps.entries()) {
    const { noise, data } = recorder.evaluate(x, from);
    past.unshift({ noise, point: from });
    past.length = Math.min(past.length, order);
    if (from.alpha === 0) {
      x = combine([to.alpha, data], [to.sigma, noise]);
      continue;
    }
    const nodes = past.slice(0, lowerOrderFinal ? steps.length - n : order).map(({ point }) => point);
    const slope = combine(...shares(nodes, to).map((share, j): [number, LinearForm] => [share, past[j]!.noise]));
    // Multiplied by α', so that a schedule with tiny α never divides by it twice.
    const ratio = to.alpha / from.alpha;
    x = combine([ratio, x], [to.sigma - ratio * from.sigma, slope]);
  }
  return recorder.finish(x);
}

/** The nodes with a finite σ̂: a start without signal has none, and its polynomial nothing to say about later steps. */
export function finiteNodes(nodes: readonly GridPoint[]): GridPoint[] {
  return nodes.filter(({ alpha }) => alpha > 0);
}

/** σ/α, the noise level in VE scaling. */
export function veSigma({ alpha, sigma }: GridPoint): number {
  return sigma / alpha;
}
