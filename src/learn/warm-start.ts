import type { NoiseSchedule } from '../diffusion/noise-schedule';
import type { Denoiser } from '../solvers/denoiser';
import { slicePairs } from './pairs';
import type { PairSet } from './pairs';
import type { Parameterisation } from './parameterisation';
import { fitRows } from './parameterisations/fit-rows';
import type { FittedRows } from './parameterisations/fit-rows';
import { teacherStates } from './teacher-path';

export interface WarmStartProblem {
  readonly denoiser: Denoiser;
  readonly schedule: NoiseSchedule;
  readonly parameterisation: Parameterisation;
  /** The first `warmStartNoises` are used. Without a path only the last row is fitted, to the samples. */
  readonly train: PairSet;
  readonly theta: Float64Array;
}

/** More noises change the fit of a row's few numbers little, and cost memory. */
export const warmStartNoises = 64;

/** From none, for rows that are determined well, to as strong as the data. */
const ridges = [0, 1e-6, 1e-4, 1e-2, 1];

/**
 * A better place to start learning from, in closed form: every row whose parameters enter linearly is fitted to the
 * teacher's state at the row's time, the last to its samples (see `fitRows`). Costs N evaluations a noise; a Gauss–Newton
 * step costs ten times that. Times stay as they are, and decide how much there is to gain: `pathTimes` has better ones.
 * Compare candidates by `error`, which is the mean squared error of the samples on noises left out of the last row's fit.
 */
export async function warmStart(problem: WarmStartProblem, signal?: AbortSignal): Promise<FittedRows> {
  const { denoiser, schedule, parameterisation, theta } = problem;
  const { nfe, times } = parameterisation.table(theta);
  const { path, noises, targets: samples, conditions } = slicePairs(problem.train, 0, warmStartNoises);
  const targets = Array.from({ length: nfe }, (_, k) => {
    if (k + 1 === nfe) return samples;
    return path && teacherStates(path, schedule, times[k + 1]!);
  });
  return fitRows(denoiser, parameterisation, { starts: noises, conditions, targets, theta, ridges }, signal);
}
