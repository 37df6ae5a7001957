import { trainingSigmas } from '../../diffusion/diffusers-grid';
import { gridPoint, type GridPoint } from '../../diffusion/grid-point';
import { interpIndex } from '../../diffusion/numpy-grid';
import type { RecordedTable } from '../../solvers/linear-form';

/**
 * The points of diffusers' schedulers with `scale_model_input` (Euler, Heun, LMS, KDPM2): the state is x₀ + σ̂ε, the
 * network variance-preserving, its input the state over √(1 + σ̂²).
 *
 * @param timesteps N timesteps
 * @param sigmas at least N + 1 noise levels σ̂; the one after the last step may be 0
 */
export function veStatePoints(timesteps: readonly number[], sigmas: readonly number[]): GridPoint[] {
  return sigmas.slice(0, timesteps.length + 1).map((sigma, i) => {
    const alpha = 1 / Math.sqrt(1 + sigma * sigma);
    return gridPoint(timesteps[i] ?? 0, 1, sigma, { alpha, sigma: sigma * alpha });
  });
}

/**
 * The table of a discrete model whose calls have the noise level of their timestep, by which the network goes. Between
 * training timesteps the model's log σ̂ is linear, the scheduler's σ̂ (unless it is a ramp), so the input is scaled for a
 * level a little beside the network's.
 */
export function callsAtTimesteps(table: RecordedTable, betas: ArrayLike<number>): RecordedTable {
  const logSigmas = trainingSigmas(betas).map((sigma) => Math.log(sigma));
  return {
    ...table,
    calls: table.calls.map(({ t, sigma }) => {
      const level = Math.exp(interpIndex(t, logSigmas));
      const alpha = 1 / Math.sqrt(1 + level * level);
      const inputScale = 1 / Math.sqrt(1 + sigma * sigma);
      return gridPoint(t, alpha / inputScale, (level * alpha) / inputScale, { alpha, sigma: level * alpha });
    }),
  };
}

/** `init_noise_sigma` of these schedulers. */
export function initialNoise(spacing: 'leading' | 'linspace' | 'trailing', sigmas: readonly number[]): number {
  const highest = Math.max(...sigmas);
  return spacing === 'leading' ? Math.sqrt(highest * highest + 1) : highest;
}
