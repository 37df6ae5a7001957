import type { NoiseSchedule } from '../diffusion/noise-schedule';
import type { Denoiser } from '../solvers/denoiser';
import { classicTable } from '../solvers/registry';
import type { MethodStart } from './methods';
import type { PairSet } from './pairs';
import type { Parameterisation } from './parameterisation';
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

/**
 * The same parameterisation beginning at rows fitted to the teacher's path (`warmStart`).
 *
 * @returns with the model evaluations it cost, counted per sample
 */
export async function fitted(
  { denoiser, schedule, pairs }: { denoiser: Denoiser; schedule: NoiseSchedule; pairs: PairSet },
  parameterisation: Parameterisation,
  signal?: AbortSignal,
): Promise<{ readonly parameterisation: Parameterisation; readonly evaluations: number }> {
  const { initial: theta } = parameterisation;
  const fit = await warmStart({ denoiser, schedule, parameterisation, train: pairs, theta }, signal);
  return { parameterisation: { ...parameterisation, initial: fit.theta }, evaluations: fit.evaluations };
}
