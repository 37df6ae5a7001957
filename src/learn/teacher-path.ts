import { convert, predictionMixture } from '../diffusion/conversions';
import type { NoiseSchedule } from '../diffusion/noise-schedule';
import { addScaled } from '../solvers/sampler';
import type { Trajectory } from '../solvers/sampler';
import type { SolverTable } from '../solvers/table';

/**
 * What a teacher's run says of the way from noise to sample: where each sample started, and the data the model predicted
 * on the way. Flat, row-major; every sample's numbers lie together.
 */
export interface TeacherPath {
  /** Elements per sample. */
  readonly dim: number;
  /** When the model was asked, falling strictly. */
  readonly times: Float64Array;
  /** x_T with its scale, `count × dim`; the objective may move the student's, never these. */
  readonly starts: Float32Array;
  /** The predicted data X at each of the times, `count × times × dim`. */
  readonly data: Float32Array;
}

/**
 * The path of a teacher's run. Of evaluations that share a time (Heun's) or turn back in it the last is kept, whose state
 * is the better one.
 *
 * @param run of `table`, whose s_0 is 1 as that of every classic solver
 */
export function teacherPath(schedule: NoiseSchedule, table: SolverTable, run: Trajectory, count: number): TeacherPath {
  const kept = keptEvaluations(table.times);
  const dim = run.xT.length / count;
  const data = new Float32Array(count * kept.length * dim);
  kept.forEach((k, point) => {
    const level = schedule.at(table.times[k]!);
    const wanted = predictionMixture('data', schedule.space, level);
    const { skip, out } = convert(level, predictionMixture(table.prediction, schedule.space, level), wanted);
    const [state, output] = [run.states[k]!, run.outputs[k]!];
    for (let i = 0; i < count; i++) {
      const to = (i * kept.length + point) * dim;
      for (let e = 0; e < dim; e++) {
        const predicted = out * output[i * dim + e]!;
        // Where the model predicts data, skip is 0.
        data[to + e] = skip === 0 ? predicted : predicted + skip * state[i * dim + e]!;
      }
    }
  });
  return { dim, times: Float64Array.from(kept, (k) => table.times[k]!), starts: run.xT, data };
}

/** Indices of the evaluations that a path keeps. */
export function keptEvaluations(times: Float64Array): number[] {
  const kept: number[] = [];
  times.forEach((t, k) => {
    while (kept.length > 0 && t >= times[kept.at(-1)!]!) kept.pop();
    kept.push(k);
  });
  return kept;
}

/**
 * The teacher's states at any time, `count × dim`, in the schedule's space. x/σ moves with s = α/σ by exactly the predicted
 * data, d(x/σ)/ds = X, so the path is an integral of what the model said:
 *
 *     x(t) = σ·(x_T/σ_T + ∫ X ds),   ds = e^λ dλ
 *
 * with X linear in λ between evaluations (in s from a start without signal), and constant after the last: second order. On
 * a mixture of eight Gaussians with UniPC-3 on 20 and 40 logSNR times the largest root mean square error at and between
 * the evaluations is 0.003 and 0.0006, a third of that of the table's own rows, which are UniPC's predictions before they
 * are corrected, and about that of the samples (0.003, 0.0001). Below the last evaluation it is that of a DDIM step.
 */
export function teacherStates(path: TeacherPath, schedule: NoiseSchedule, time: number): Float32Array {
  const { dim, times, starts, data } = path;
  const points = times.length;
  const { sigma } = schedule.at(time);
  const weights = stateWeights(times, schedule, time);
  const fromStart = sigma / schedule.at(times[0]!).sigma;
  const states = new Float32Array(starts.length);
  const sum = new Float64Array(dim);
  for (let i = 0; i < starts.length / dim; i++) {
    for (let e = 0; e < dim; e++) sum[e] = fromStart * starts[i * dim + e]!;
    weights.forEach((weight, point) => {
      if (weight !== 0) addScaled(sum, sigma * weight, data.subarray((i * points + point) * dim));
    });
    states.set(sum, i * dim);
  }
  return states;
}

/**
 * The state at a time over σ, x/σ, as coefficients of the X of the path; that of x_T/σ_T is 1.
 */
export function stateWeights(times: Float64Array, schedule: NoiseSchedule, time: number): Float64Array {
  const weights = new Float64Array(times.length);
  const to = pointOf(schedule, time);
  for (let k = 0; k < times.length && (k === 0 || times[k]! > time); k++) {
    const from = pointOf(schedule, times[k]!);
    const next = k + 1 < times.length ? pointOf(schedule, times[k + 1]!) : undefined;
    const end = next && times[k + 1]! > time ? next : to;
    const length = end.s - from.s;
    // ∫ of the share of the way from X_k to X_{k+1}.
    let toNext = 0;
    if (next && from.s === 0) toNext = length ** 2 / (2 * next.s);
    else if (next) toNext = (end.s * (end.lambda - from.lambda) - length) / (next.lambda - from.lambda);
    weights[k]! += length - toNext;
    if (next) weights[k + 1]! += toNext;
  }
  return weights;
}

/** The predicted data at a time as coefficients of the X of the path: what is integrated above. */
export function dataWeights(times: Float64Array, schedule: NoiseSchedule, time: number): Float64Array {
  const weights = new Float64Array(times.length);
  let k = 0;
  while (k + 1 < times.length && times[k + 1]! > time) k++;
  const [from, to] = [pointOf(schedule, times[k]!), pointOf(schedule, time)];
  const next = k + 1 < times.length ? pointOf(schedule, times[k + 1]!) : undefined;
  let share = 0;
  if (next) share = from.s === 0 ? to.s / next.s : (to.lambda - from.lambda) / (next.lambda - from.lambda);
  weights[k] = 1 - share;
  if (next) weights[k + 1] = share;
  return weights;
}

function pointOf(schedule: NoiseSchedule, t: number): { readonly s: number; readonly lambda: number } {
  const { alpha, sigma } = schedule.at(t);
  return { s: alpha / sigma, lambda: schedule.lambda(t) };
}
