import { backward } from '../solvers/backward';
import { sample } from '../solvers/sampler';
import { isFiniteTable, mean, squaredErrors } from './objective';
import type { OptimiserPoint, OptimiserStep } from './optimiser';
import { pullback } from './parameterisation';

/** First and second moments of Adam (Kingma and Ba 2015), and how many steps were taken. */
export interface AdamState {
  first: Float64Array;
  second: Float64Array;
  count: number;
}

export function adamState(size: number): AdamState {
  return { first: new Float64Array(size), second: new Float64Array(size), count: 0 };
}

/**
 * One Adam step on the mean squared error of a batch, with the gradient from the model's VJP (the paper's way).
 * β = (0.9, 0.999), gradient norm clipped to 1 as in LD3 and GS.
 *
 * @param rate learning rate of this step (the caller's schedule).
 */
export async function adamStep(
  { denoiser, parameterisation, block, theta, train: batch }: OptimiserPoint,
  state: AdamState,
  rate: number,
  signal?: AbortSignal,
): Promise<OptimiserStep> {
  const table = parameterisation.table(theta);
  const trajectory = await sample(denoiser, table, batch.noises, batch.conditions, signal ? { signal } : {});
  const final = trajectory.states[table.nfe]!;
  const scale = 2 / (batch.count * batch.dim);
  const cotangent = final.map((x, i) => scale * (x - batch.targets[i]!));
  const grads = await backward(denoiser, table, trajectory, batch.conditions, cotangent, signal);
  const full = pullback(
    parameterisation,
    theta,
    Float64Array.from([...grads.start.subarray(1), ...grads.weights, ...grads.times]),
  );
  const active = new Set(block);
  const grad = full.map((g, i) => (active.has(i) ? g : 0));
  const size = Math.sqrt(grad.reduce((sum, g) => sum + g * g, 0));
  const trainLoss = mean(squaredErrors(final, batch.targets, batch.dim));
  // A forward, then a VJP that runs forward and backward: three evaluations' worth a model call.
  const evaluations = 3 * table.nfe * batch.count;
  if (!Number.isFinite(size)) return { theta, trainLoss, evaluations, accepted: false };
  const clip = size > 1 ? 1 / size : 1;
  state.count += 1;
  const next = theta.slice();
  for (const p of block) {
    const g = grad[p]! * clip;
    state.first[p] = 0.9 * state.first[p]! + 0.1 * g;
    state.second[p] = 0.999 * state.second[p]! + 0.001 * g * g;
    const m = state.first[p] / (1 - 0.9 ** state.count);
    const v = state.second[p] / (1 - 0.999 ** state.count);
    next[p]! -= (rate * m) / (Math.sqrt(v) + 1e-8);
  }
  const moved = parameterisation.project(next);
  if (!isFiniteTable(parameterisation.table(moved))) return { theta, trainLoss, evaluations, accepted: false };
  return { theta: moved, trainLoss, evaluations, accepted: true };
}
