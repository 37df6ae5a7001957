import type { NoiseSchedule } from '../diffusion/noise-schedule';
import type { Denoiser } from '../solvers/denoiser';
import type { Objective } from './objective';
import type { PairSet } from './pairs';
import type { Parameterisation } from './parameterisation';

/** Where an optimiser stands before a step. */
export interface OptimiserPoint {
  readonly denoiser: Denoiser;
  readonly schedule: NoiseSchedule;
  readonly objective: Objective;
  readonly parameterisation: Parameterisation;
  /** The parameters that this step may change. */
  readonly block: readonly number[];
  readonly theta: Float64Array;
  /** The samples the step looks at: all of them for Gauss–Newton, a minibatch for Adam. */
  readonly train: PairSet;
}

export interface OptimiserStep {
  readonly theta: Float64Array;
  /** Mean loss over the step's samples (Gauss–Newton: at the new θ, Adam: at the old one). */
  readonly trainLoss: number;
  /** Model evaluations, counted per sample; a VJP counts as two. */
  readonly evaluations: number;
  /** False when nothing lowered the loss: θ is unchanged. */
  readonly accepted: boolean;
}
