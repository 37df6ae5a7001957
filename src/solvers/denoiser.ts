import type { Prediction, StateSpace } from '../diffusion/prediction';

/**
 * What a solver needs of a model: D(y, τ | condition) for a batch, and its vector–Jacobian product.
 * States are float32, flat, `count × dim`, row-major. Every sample has its own time and condition, so that
 * many tangents (perturbed states and times) go through in one batch.
 */
export interface DenoiserBatch {
  /** `count × dim` */
  readonly states: Float32Array;
  /** `count` network times τ. */
  readonly times: Float64Array;
  /** `count` indices into the model's list of conditions (class labels, prompts, …). */
  readonly conditions: Int32Array;
}

export interface DenoiserVjp {
  /** D, `count × dim`. */
  readonly output: Float32Array;
  /** ∂⟨c, D⟩/∂y, `count × dim`. */
  readonly gradStates: Float32Array;
  /** ∂⟨c, D⟩/∂τ per sample, `count`. */
  readonly gradTimes: Float64Array;
}

export interface Denoiser {
  /** Elements per sample. */
  readonly dim: number;
  /** What D is. */
  readonly prediction: Prediction;
  /** The space of the states it takes. */
  readonly space: StateSpace;
  /** D for a batch of any size (split inside as memory demands). Throws `AbortError` when the signal fires. */
  evaluate(batch: DenoiserBatch, signal?: AbortSignal): Promise<Float32Array>;
  /** D and the pull-back of `cotangent` (`count × dim`). Absent when the model has no gradient. */
  vjp?(batch: DenoiserBatch, cotangent: Float32Array, signal?: AbortSignal): Promise<DenoiserVjp>;
}
