import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import type { SolverTable } from '../../solvers/table';
import { combineDual, type DualForm, type DualPoint } from '../dual-table';
import type { Parameterisation } from '../parameterisation';
import { exponentialStep, isRounding, peel, stepFactors } from './exponential-step';
import type { CallPlace } from './learned-grid';
import { s4sParameterisation, type S4sOptions } from './s4s';

export interface S4sSsOptions extends Omit<S4sOptions, 'order' | 'grid'> {
  /** Stages of each step, 1 to 4; they add up to the number of evaluations. */
  readonly stages: readonly number[];
  /** Noise level times of the start's evaluations, stages included, then of its end; default its network times and tMin. */
  readonly grid?: ArrayLike<number>;
}

/**
 * S4S, family ss: single steps of s stages that share no outputs, in exponential form. With M_i the prediction at stage i,
 * the first of which is x itself, and levels of the stage (of the step's end for x′) in the factors q_i, g_i:
 *
 *     y_i = q_i·x + g_i·Σ_{l<i} a_{i,l}·M_l        x′ = q·x + g·Σ_{l<s} b_l·M_l
 *
 * On data it contains DPM-Solver++ singlestep of orders 1 to 3, on noise DPM-Solver's. Runge–Kutta methods in σ/α (Heun's)
 * are exact for constant data and for constant noise, so they are members of both. All a and b are free. A stage keeps its fraction of the step in λ when S4S-Alt moves the grid; its network
 * time moves by ξ as everywhere. Where a stage lies at the step's own end (Heun), the two share a point.
 *
 * Parameters: s(s+1)/2 coefficients a step of s stages, N shifts, and one log-gap a step but the first in S4S-Alt: 9 + 6
 * and 17 for three steps of two stages.
 *
 * @returns undefined when `start` is not a member of the family with these stages
 * @throws RangeError for stages other than 1 to 4
 */
export function s4sSs(
  schedule: NoiseSchedule,
  start: SolverTable,
  options: S4sSsOptions,
): Parameterisation | undefined {
  const { stages, prediction = 'data', toZero = false, times } = options;
  const { nfe } = start;
  if (stages.reduce((sum, s) => sum + s, 0) !== nfe) return undefined;
  const all = Array.from(options.grid ?? [...start.times, ...(toZero ? [] : [schedule.tMin])]);
  if (all.length !== nfe + (toZero ? 0 : 1)) return undefined;
  const firsts = stages.map((_, n) => stages.slice(0, n).reduce((sum, s) => sum + s, 0));
  const gridTimes = [...firsts.map((k) => all[k]!), ...all.slice(nfe)];
  const lambda = all.map((t) => schedule.lambda(t));
  const places = stages.flatMap((s, step) =>
    Array.from({ length: s }, (_, i): CallPlace => {
      if (i === 0) return { step, fraction: 0 };
      const [from, to] = [firsts[step]!, firsts[step + 1] ?? nfe];
      if (all[from + i] === all[to]) return { step, fraction: 1 };
      return { step, fraction: (lambda[from + i]! - lambda[from]!) / (lambda[to]! - lambda[from]!) };
    }),
  );
  // A stage needs finite levels at both ends of its step, and the grid must fall.
  if (!places.every(({ fraction }) => fraction >= 0 && fraction <= 1)) return undefined;
  if (!gridTimes.every((t, i) => i === 0 || t < gridTimes[i - 1]!)) return undefined;

  /** The level that evaluation k + 1, or the sample, has when it is reached from evaluation k. */
  const target = (calls: readonly DualPoint[], points: readonly DualPoint[], step: number, i: number): DualPoint =>
    i + 1 < stages[step]! ? calls[firsts[step]! + i + 1]! : points[step + 1]!;

  return s4sParameterisation(
    schedule,
    start,
    {
      gridTimes,
      places,
      coefficients({ points, calls }, { states, outputs }) {
        const found: number[] = [];
        for (const [step, s] of stages.entries()) {
          const first = firsts[step]!;
          for (let i = 0; i < s; i++) {
            const { ratio, gain } = stepFactors(points[step]!, target(calls, points, step, i), prediction);
            const state = states[first + i + 1]!;
            const change = combineDual([1, state], [ratio.times(-1), states[first]!]);
            const indices = Array.from({ length: i + 1 }, (_, l) => first + i - l);
            const { coefficients, left } = peel(change, outputs, indices);
            if (!isRounding(left, state)) return undefined;
            found.push(...coefficients.map((c) => c / gain.value));
          }
        }
        return found;
      },
      sample(recorder, { points, calls }, coefficients) {
        let x = recorder.start;
        let index = 0;
        for (const [step, s] of stages.entries()) {
          const outputs: DualForm[] = [];
          let y = x;
          for (let i = 0; i < s; i++) {
            outputs.unshift(recorder.evaluate(y, calls[firsts[step]! + i]!)[prediction]);
            const factors = stepFactors(points[step]!, target(calls, points, step, i), prediction);
            y = exponentialStep(
              x,
              factors,
              outputs.map((output) => [coefficients[index++]!, output]),
            );
          }
          x = y;
        }
        return x;
      },
    },
    { order: Math.max(...stages), prediction, toZero, ...(times === undefined ? {} : { times }) },
  );
}
