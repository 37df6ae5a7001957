import type { NoiseSchedule } from '../diffusion/noise-schedule';
import type { Denoiser } from '../solvers/denoiser';
import { tableProblem } from '../solvers/linear-form';
import { classicTable } from '../solvers/registry';
import type { MethodStart } from './methods';
import type { PairSet } from './pairs';
import type { Parameterisation } from './parameterisation';
import { fitDode } from './parameterisations/fit-dode';
import { emphases, pathTimes } from './path-times';
import { warmStart } from './warm-start';

/** What is on the grid before rows are fitted, and what rows fall back to that a fit does not help. */
const base = { solver: 'dpmpp', order: 2, timestep_spacing: 'logsnr' } as const;

/**
 * Starts on the times that suit the teacher's path (`pathTimes`), one for each of `emphases`. With rows fitted to the path as
 * well, the best of them is usually far better than the best classic solver. They differ much: let the validation noises
 * choose. Costs no model evaluation.
 *
 * @param pairs training noises with their path, for instance the first `warmStartNoises`
 */
export function pathStarts(schedule: NoiseSchedule, pairs: PairSet, nfe: number): MethodStart[] {
  const search = pathTimes(pairs, schedule);
  const choice = { ...base, order: Math.min(base.order, nfe) };
  return emphases.map((emphasis) => {
    const grid = search(nfe, emphasis);
    return { choice, grid, nfe, table: classicTable(schedule, choice, nfe, { times: grid }) };
  });
}

export interface FittingProblem {
  readonly denoiser: Denoiser;
  readonly schedule: NoiseSchedule;
  readonly pairs: PairSet;
}

/** A parameterisation with another beginning, and the model evaluations it cost to find, counted per sample. */
export interface Fitted {
  readonly parameterisation: Parameterisation;
  readonly evaluations: number;
}

/** The same parameterisation beginning at rows fitted to the teacher's path (`warmStart`). */
export async function fitted(
  { denoiser, schedule, pairs }: FittingProblem,
  parameterisation: Parameterisation,
  signal?: AbortSignal,
): Promise<Fitted> {
  const { initial: theta } = parameterisation;
  const fit = await warmStart({ denoiser, schedule, parameterisation, train: pairs, theta }, signal);
  return { parameterisation: { ...parameterisation, initial: fit.theta }, evaluations: fit.evaluations };
}

/** D-ODE beginning where its authors end: rows fitted to Euler's path with ten times the steps (`fitDode`). */
export async function fittedDode(
  { denoiser, schedule, pairs: { noises: starts, conditions } }: FittingProblem,
  { choice, grid, table }: Pick<MethodStart, 'choice' | 'grid' | 'table'>,
  parameterisation: Parameterisation,
  signal?: AbortSignal,
): Promise<Fitted> {
  const base = choice.solver === 'heun' ? 'heun' : 'euler';
  const problem = tableProblem(schedule, grid, table.prediction);
  const { theta, evaluations } = await fitDode(denoiser, schedule, problem, { starts, conditions, base }, signal);
  return { parameterisation: { ...parameterisation, initial: theta }, evaluations };
}
