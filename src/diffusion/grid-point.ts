import type { NoiseSchedule } from './noise-schedule';

/** A point of a sampler's grid: a time, and the noise level x = α·x₀ + σ·ε of the sampler's state there. */
export interface GridPoint {
  /** What the network is handed as its time, in whatever convention it has. */
  readonly t: number;
  readonly alpha: number;
  readonly sigma: number;
  /** log(α/σ); −∞ where no signal is left, +∞ where no noise is. */
  readonly lambda: number;
  /**
   * Noise level of the network's input, where that is not the state itself but the state times network.alpha/alpha
   * (and network.sigma/sigma, which is the same): a variance-preserving network inside a sampler on x₀ + σ̂ε.
   */
  readonly network?: { readonly alpha: number; readonly sigma: number };
}

/** The point of a schedule at a time of its own. */
export function pointAt(schedule: NoiseSchedule, t: number): GridPoint {
  const { alpha, sigma } = schedule.at(t);
  return { t, alpha, sigma, lambda: schedule.lambda(t) };
}

/** A point given by its noise level. */
export function gridPoint(t: number, alpha: number, sigma: number, network?: GridPoint['network']): GridPoint {
  return { t, alpha, sigma, lambda: Math.log(alpha / sigma), ...(network === undefined ? {} : { network }) };
}

/** The clean end: no noise is left and the network is never asked. */
export const cleanPoint: GridPoint = { t: 0, alpha: 1, sigma: 0, lambda: Infinity };
