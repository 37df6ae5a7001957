import type { StateSpace } from './prediction';

/** Signal and noise scale at a time, with their derivatives with respect to the time. */
export interface NoiseLevel {
  readonly alpha: number;
  readonly sigma: number;
  readonly dAlpha: number;
  readonly dSigma: number;
}

/** A noise schedule x_t = α(t)·x₀ + σ(t)·ε, exact in float64. Time is what the network is handed. */
export interface NoiseSchedule {
  /** The space x_t lives in: vp when α² + σ² = 1, ve when α = 1, flow when α + σ = 1. */
  readonly space: StateSpace;
  /** The clean end of the time axis that a sampler stops at (σ small but not zero). */
  readonly tMin: number;
  /** The noise end, where sampling starts. */
  readonly tMax: number;
  at(t: number): NoiseLevel;
  /** λ(t) = log(α/σ), half the log signal-to-noise ratio; falls as t grows. */
  lambda(t: number): number;
  /** Inverse of `lambda` on [λ(tMax), λ(tMin)]. */
  timeOfLambda(lambda: number): number;
  /**
   * The point of the schedule's evenly spaced grid at `fraction` ∈ [0, 1] of the way from tMax to tMin: linear in
   * time, except that a shifted flow schedule bends it.
   */
  gridTime(fraction: number): number;
}

/** Linear interpolation that returns both ends exactly. */
export function interpolate(from: number, to: number, fraction: number): number {
  return fraction === 1 ? to : from + (to - from) * fraction;
}
