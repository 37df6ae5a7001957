import { convert, predictionMixture } from '../diffusion/conversions';
import type { GridPoint } from '../diffusion/grid-point';
import { adamsBashforth } from './ipndm';
import { combine, stepsOf, TableRecorder, type LinearForm, type RecordedTable, type TableProblem } from './linear-form';

/** One evaluation of PNDM and where its result takes the state. */
export interface PndmMove {
  /** Where the network is asked. */
  readonly at: GridPoint;
  /** The level that the moved state is taken to have, and the level it is moved to. */
  readonly from: GridPoint;
  readonly to: GridPoint;
}

/**
 * PNDM (Liu et al. 2022) and PLMS: Adams–Bashforth of order 4 with the weights of equal steps on the network's output D,
 * and DDIM's transfer φ, which is exact for a constant noise prediction:
 *
 *     x' = φ(x; D̄) = (σ'/σ)·x + (α' − α·σ'/σ)·X̄          X̄ the data that x and D̄ predict
 *     D̄ = Σ_j w_j·D_j                                     w = (55, −59, 37, −9)/24 in the long run
 *
 * The method needs a start. `half-order` (PLMS, as in latent diffusion and Stable Diffusion) takes the first step twice:
 * with D_0, then from the same state with ½·(D_0 + D_1), one evaluation more than there are steps; then the weights of
 * orders 2, 3 and 4. `runge-kutta` makes the first three steps with the classic Runge–Kutta weights (1, 2, 2, 1)/6, four
 * evaluations each. Either way the grid's unevenness is ignored: order 2.
 *
 * @param averaged what stands for D in the averages: the network's output, as published, or the noise it predicts, which
 *   is the same for the models PNDM was made for
 */
export function pndm(
  problem: TableProblem,
  moves: readonly PndmMove[],
  start: 'half-order' | 'runge-kutta',
  averaged: 'output' | 'noise' = 'output',
): RecordedTable {
  const { space } = problem;
  const known = averaged === 'noise' ? 'noise' : problem.prediction;
  const recorder = new TableRecorder(problem, moves.length);
  const transfer = (x: LinearForm, { from, to }: PndmMove, output: LinearForm): LinearForm => {
    const level = { ...from, dAlpha: 0, dSigma: 0 };
    const { skip, out } = convert(
      level,
      predictionMixture(known, space, level),
      predictionMixture('data', space, level),
    );
    const ratio = to.sigma / from.sigma;
    return combine([ratio, x], [to.alpha - from.alpha * ratio, combine([skip, x], [out, output])]);
  };
  const past: LinearForm[] = [];
  let x = recorder.start;
  /** The state the current step began with, and the stages it has made. */
  let begin = x;
  let stages: LinearForm[] = [];
  for (const [k, move] of moves.entries()) {
    const { [averaged]: output } = recorder.evaluate(x, move.at);
    if (start === 'runge-kutta' && k < 12) {
      if (stages.length === 0) {
        begin = x;
        past.unshift(output);
      }
      stages.push(output);
      const [d0, d1, d2] = stages;
      if (stages.length < 4) {
        x = transfer(begin, move, output);
      } else {
        x = transfer(begin, move, combine([1 / 6, d0!], [1 / 3, d1!], [1 / 3, d2!], [1 / 6, output]));
        stages = [];
      }
    } else if (start === 'half-order' && k === 1) {
      x = transfer(begin, move, combine([0.5, output], [0.5, past[0]!]));
    } else {
      past.unshift(output);
      const weights = adamsBashforth[Math.min(past.length, 4) - 1]!;
      x = transfer(x, move, combine(...weights.map((weight, j): [number, LinearForm] => [weight, past[j]!])));
    }
  }
  return recorder.finish(x);
}

/** The moves of a half-order start on a grid; a single step has nothing to repeat. */
export function plmsMoves(grid: readonly GridPoint[]): PndmMove[] {
  const steps = stepsOf(grid);
  return steps.flatMap(({ from, to }, n) => {
    const move = { at: from, from, to };
    return n === 0 && steps.length > 1 ? [move, { at: to, from, to }] : [move];
  });
}

/**
 * The moves of a Runge–Kutta start on a grid of at least four steps.
 *
 * @param middle the point half-way through a step
 * @throws RangeError for fewer than four steps
 */
export function prkMoves(
  grid: readonly GridPoint[],
  middle: (from: GridPoint, to: GridPoint) => GridPoint,
): PndmMove[] {
  const steps = stepsOf(grid);
  if (steps.length < 4) throw new RangeError(`A Runge–Kutta start of PNDM needs 4 steps or more, got ${steps.length}.`);
  return steps.flatMap(({ from, to }, n) => {
    if (n > 2) return [{ at: from, from, to }];
    const half = middle(from, to);
    return [
      { at: from, from, to: half },
      { at: half, from, to: half },
      { at: half, from, to },
      { at: to, from, to },
    ];
  });
}
