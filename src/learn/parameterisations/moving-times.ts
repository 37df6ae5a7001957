import type { Dual } from '../dual';
import { clamp } from '../free-table';
import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import type { Prediction, StateSpace } from '../../diffusion/prediction';
import { rowOffset, type SolverTable } from '../../solvers/table';

/**
 * Where each of N gaps ends, as a share of the whole: the cumulative softmax of their logits, 0 first and 1 last (both
 * exactly, without gradient).
 */
export function cumulativeShares(logits: readonly Dual[]): Dual[] {
  const zero = logits[0]!.times(0).plus(0);
  const top = Math.max(...logits.map(({ value }) => value));
  const widths = logits.map((logit) => logit.minus(top).exp());
  const total = widths.reduce((sum, width) => sum.plus(width));
  const shares = [zero];
  for (const width of widths.slice(0, -1)) shares.push(shares.at(-1)!.plus(width.over(total)));
  return [...shares, zero.plus(1)];
}

/**
 * Logits of the gaps of a grid.
 *
 * @throws RangeError when the values do not move strictly in one direction
 */
export function gapLogits(values: readonly number[]): number[] {
  const gaps = values.slice(1).map((value, i) => value - values[i]!);
  const bad = gaps.findIndex((gap) => !(gap * gaps[0]! > 0));
  if (bad >= 0) throw new RangeError(`The times of a grid must fall strictly; time ${bad + 1} does not.`);
  return gaps.map((gap) => Math.log(Math.abs(gap)));
}

/** Keeps a logit within ±12 of its start: a gap e^12 times narrower is soon none, and its two points the same number. */
export function clampLogit(value: number, initial: number): number {
  return clamp(value, initial - 12, initial + 12);
}

/** What a parameterisation needs to know of its tables before it has one: their size, meaning and s_0. */
export function tableShape(nfe: number, prediction: Prediction, space: StateSpace, scale = 1): SolverTable {
  const start = new Float64Array(nfe + 1);
  start[0] = scale;
  return { nfe, times: new Float64Array(nfe), start, weights: new Float64Array(rowOffset(nfe)), prediction, space };
}

/**
 * Throws a RangeError where the first time of a grid holds no signal: λ is −∞ there, and σ/α infinite.
 */
export function assertStartsWithSignal(name: string, schedule: NoiseSchedule, grid: ArrayLike<number>): void {
  if (schedule.at(grid[0]!).alpha > 0) return;
  throw new RangeError(`${name} cannot start where alpha is 0 (time ${grid[0]}); start its grid at a later time.`);
}
