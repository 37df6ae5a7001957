import * as z from 'zod';
import { edm } from '../diffusion/edm';
import { gridPoint } from '../diffusion/grid-point';
import type { NoiseSchedule } from '../diffusion/noise-schedule';
import { optimisedTimes, timeStepBound } from '../diffusion/optimised-times';
import { karrasRamp } from '../diffusion/sigma-ramps';
import { gsTimes, ld3ModelTimes, ld3Times } from '../diffusion/times-from-logits';
import { vpLinear } from '../diffusion/vp-linear';
import { gitsCosts, gitsSelect, type TeacherPath } from '../solvers/gits';
import { ipndm } from '../solvers/ipndm';
import { referenceTrajectory } from '../solvers/reference-sampler';
import { gmm, posteriorMean } from './models';
import { exact, result, tenDigits } from './schedule-errors';
import type { ScheduleChecker } from './schedules';

const numbers = z.array(z.number());
const scheduleName = z.enum(['vp_linear', 'edm']);

function scheduleOf(name: z.output<typeof scheduleName>, tMin?: number): NoiseSchedule {
  if (name === 'edm') return edm(tMin ?? 0.002, 80);
  return vpLinear(tMin === undefined ? {} : { tMin });
}

const dmnEntry = z.strictObject({
  n: z.int().min(1),
  schedule: scheduleName,
  eps: z.number(),
  t: numbers,
  lambda: numbers,
  objective: z.number(),
  tolerance: z.string().optional(),
});

/**
 * Optimised time steps: our objective at the stored times is the stored one, and at our own times it is no higher, since
 * the descent need not end where the authors' optimiser did.
 */
const dmn: ScheduleChecker = (entry) => {
  const { n, schedule: name, eps, t, lambda, objective } = dmnEntry.parse(entry);
  const schedule = scheduleOf(name, eps);
  const power = schedule.space === 've' ? 1 : 2;
  const lambdas = (times: ArrayLike<number>): number[] => Array.from(times, (time) => schedule.lambda(time));
  const own = timeStepBound(lambdas(optimisedTimes(schedule, n)), power);
  return result(`${name} n=${n}`, [
    tenDigits(lambdas(t), lambda),
    tenDigits([timeStepBound(lambdas(t), power)], [objective]),
    Math.max(0, own / objective - 1 - 1e-9),
  ]);
};

const gitsEntry = z.strictObject({
  metric: z.enum(['dev', 'l1', 'l2']),
  num_steps_tea: z.int().min(3),
  coeff: z.number(),
  num_steps: z.int().min(2),
  dp_list: z.array(z.int()),
  t: numbers,
  cost_matrix: numbers.optional(),
});

/** GITS on the ring of Gaussians: teacher iPNDM-4 on Karras' grid, the published choice of grid points exactly. */
const gits: ScheduleChecker = (entry, xT) => {
  const { metric, num_steps_tea: points, coeff, num_steps, dp_list, t, cost_matrix } = gitsEntry.parse(entry);
  const path = teacherPath(points, xT);
  const costs = gitsCosts(path, metric);
  const chosen = gitsSelect(costs, num_steps - 1, coeff);
  return result(`${metric} teacher=${points} coeff=${coeff} n=${num_steps}`, [
    exact(chosen, dp_list),
    exact(
      chosen.map((index) => path.sigmas[index]!),
      t,
    ),
    ...(cost_matrix ? [tenDigits(costs, cost_matrix)] : []),
  ]);
};

function teacherPath(points: number, xT: readonly number[]): TeacherPath {
  const sigmas = karrasRamp(points, 0.002, 80);
  const grid = sigmas.map((sigma) => gridPoint(sigma, 1, sigma));
  const table = ipndm({ grid, prediction: 'noise', space: 've' }, 4);
  const states: number[][] = sigmas.map(() => []);
  const noises: number[][] = sigmas.slice(0, -1).map(() => []);
  for (let i = 0; i < xT.length; i += 2) {
    const noiseAt = (y: Float64Array, sigma: number, k: number): number[] => {
      const mean = posteriorMean(gmm, y, 1, sigma);
      const noise = Array.from(y, (value, d) => (value - mean[d]!) / sigma);
      noises[k]!.push(...noise);
      return noise;
    };
    const start = xT.slice(i, i + 2).map((x) => sigmas[0]! * x);
    referenceTrajectory(noiseAt, table, start).forEach((y, k) => states[k]!.push(...y));
  }
  return { sigmas, states, noises, dim: 2 };
}

const ld3Entry = z.strictObject({
  schedule: scheduleName,
  mode: z.enum(['time', 'lambda']),
  win_rate: z.number(),
  params1: numbers,
  params2: numbers,
  t: numbers,
  t_model: numbers,
});

const ld3: ScheduleChecker = (entry) => {
  const { schedule: name, mode, win_rate, params1, params2, t, t_model } = ld3Entry.parse(entry);
  const schedule = scheduleOf(name);
  return result(`${name} ${mode} n=${params1.length - 1} ${params1[0]}`, [
    exact(ld3Times(schedule, params1, mode), t),
    tenDigits(ld3ModelTimes(schedule, params1, params2, mode, win_rate), t_model),
  ]);
};

const gsEntry = z.strictObject({ t_eps: z.number(), logits: numbers, t: numbers });

const gs: ScheduleChecker = (entry) => {
  const { t_eps, logits, t } = gsEntry.parse(entry);
  return result(`n=${logits.length + 1} ${logits[0]}`, [exact(gsTimes(logits, t_eps, 1), t)]);
};

/** The lists of schedules.json that are optimised or learned. */
export const optimisedCheckers: Readonly<Record<string, ScheduleChecker>> = {
  dmn,
  gits,
  ld3_parameterisation: ld3,
  gs_parameterisation: gs,
};
