import { backward } from '../solvers/backward';
import { sample } from '../solvers/sampler';
import { isFiniteTable, mean } from './objective';
import type { OptimiserPoint, OptimiserStep } from './optimiser';
import { pullback } from './parameterisation';

export interface AdamSettings {
  readonly learningRate: number;
  /** How the rate goes on after the warm-up: stays, or falls to 0 as half a cosine at the last iteration. */
  readonly schedule: 'constant' | 'cosine';
  /** Share of the iterations over which the rate rises from 0. */
  readonly warmup: number;
  /** Decay of the average of θ that is validated in place of θ itself; 0: no average. */
  readonly ema: number;
  readonly batchSize: number;
}

/** First and second moments of Adam (Kingma and Ba 2015), and how many steps were taken. */
export interface AdamState {
  first: Float64Array;
  second: Float64Array;
  count: number;
}

export function adamState(size: number): AdamState {
  return { first: new Float64Array(size), second: new Float64Array(size), count: 0 };
}

/** Learning rate of iteration 0 … iterations − 1. */
export function learningRate(settings: AdamSettings, iteration: number, iterations: number): number {
  const rising = settings.warmup * iterations;
  if (iteration < rising) return (settings.learningRate * (iteration + 1)) / (rising + 1);
  if (settings.schedule === 'constant') return settings.learningRate;
  const done = (iteration - rising) / Math.max(1, iterations - rising);
  return settings.learningRate * 0.5 * (1 + Math.cos(Math.PI * done));
}

/**
 * The exponential average of θ after step `count` (1 the first): the decay grows to its value as (1 + n)/(10 + n), so that
 * the start is soon forgotten.
 */
export function averaged(average: Float64Array, theta: Float64Array, decay: number, count: number): Float64Array {
  const keep = Math.min(decay, (1 + count) / (10 + count));
  return average.map((value, i) => keep * value + (1 - keep) * theta[i]!);
}

/**
 * One Adam step on the mean loss of a batch, with the gradient from the model's VJP (the papers' way).
 * β = (0.9, 0.999), gradient norm clipped to 1 as in LD3 and GS.
 *
 * @param rate learning rate of this step
 * @throws TypeError when the objective has no gradient
 */
export async function adamStep(
  { denoiser, objective, parameterisation, block, theta, train: batch }: OptimiserPoint,
  state: AdamState,
  rate: number,
  signal?: AbortSignal,
): Promise<OptimiserStep> {
  if (!objective.gradient) throw new TypeError('The objective has no gradient; learn with gauss_newton.');
  const table = parameterisation.table(theta);
  const trajectory = await sample(denoiser, table, batch.noises, batch.conditions, signal ? { signal } : {});
  const { losses, rows } = await objective.gradient({ table, states: trajectory.states }, batch, signal);
  const meanRows = new Map([...rows].map(([row, gradient]) => [row, gradient.map((g) => g / batch.count)]));
  const grads = await backward(denoiser, table, trajectory, batch.conditions, meanRows, signal);
  const full = pullback(
    parameterisation,
    theta,
    Float64Array.from([...grads.start.subarray(1), ...grads.weights, ...grads.times]),
  );
  const active = new Set(block);
  const grad = full.map((g, i) => (active.has(i) ? g : 0));
  const size = Math.sqrt(grad.reduce((sum, g) => sum + g * g, 0));
  const trainLoss = mean(losses);
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
