import { gridPoint, type GridPoint } from '../../diffusion/grid-point';

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

/** `init_noise_sigma` of these schedulers. */
export function initialNoise(spacing: 'leading' | 'linspace' | 'trailing', sigmas: readonly number[]): number {
  const highest = Math.max(...sigmas);
  return spacing === 'leading' ? Math.sqrt(highest * highest + 1) : highest;
}
