/** Signal and noise scale at a time, with their derivatives with respect to the time. */
export interface NoiseLevel {
  readonly alpha: number;
  readonly sigma: number;
  readonly dAlpha: number;
  readonly dSigma: number;
}

/** A noise schedule x_t = α(t)·x₀ + σ(t)·ε, exact in float64. Time is what the network is handed. */
export interface NoiseSchedule {
  /** The clean end of the time axis that a sampler stops at (σ small but not zero). */
  readonly tMin: number;
  /** The noise end, where sampling starts. */
  readonly tMax: number;
  at(t: number): NoiseLevel;
  /** λ(t) = log(α/σ), half the log signal-to-noise ratio; falls as t grows. */
  lambda(t: number): number;
  /** Inverse of `lambda` on [λ(tMax), λ(tMin)]. */
  timeOfLambda(lambda: number): number;
}
