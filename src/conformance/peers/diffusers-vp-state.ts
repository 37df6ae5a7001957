import type { DiffusersGrid } from '../../diffusion/diffusers-grid';
import { gridPoint, type GridPoint } from '../../diffusion/grid-point';

/**
 * The points of diffusers' schedulers whose state is what the network gets (DPM-Solver, UniPC, DEIS), by
 * `_sigma_to_alpha_sigma_t`: σ is σ̂ = σ/α of a variance-preserving state, or the σ of (1 − σ)x₀ + σε for flow.
 *
 * @param grid N timesteps, and N + 1 noise levels of which the last may be 0
 */
export function statePoints({ timesteps, sigmas }: DiffusersGrid, flow: boolean): GridPoint[] {
  return sigmas.map((sigma, i) => (flow ? flowPoint : vpPoint)(timesteps[i] ?? 0, sigma));
}

function flowPoint(t: number, sigma: number): GridPoint {
  return gridPoint(t, 1 - sigma, sigma);
}

function vpPoint(t: number, sigmaHat: number): GridPoint {
  const alpha = 1 / Math.sqrt(sigmaHat * sigmaHat + 1);
  return gridPoint(t, alpha, sigmaHat * alpha);
}
