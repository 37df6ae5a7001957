import type { Prediction, StateSpace } from '../diffusion/prediction';

/**
 * A few-step solver as numbers only (lower-triangular normal form, BNS Prop. 3.1):
 *
 *     y_0     = s_0 · x_T
 *     D_k     = model(y_k, τ_k)                                k = 0 … N−1
 *     y_{k+1} = s_{k+1} · x_T + Σ_{j≤k} w_{k+1,j} · D_j         the sample is y_N
 *
 * Numbers are float64; states are float32.
 */
export interface SolverTable {
  /** N, the number of model evaluations. */
  readonly nfe: number;
  /** τ_0 … τ_{N−1}, in the noise schedule's time unit. */
  readonly times: Float64Array;
  /** s_0 … s_N. */
  readonly start: Float64Array;
  /** w_{k+1,j} at `rowOffset(k) + j`, 0 ≤ j ≤ k < N; length N(N+1)/2. */
  readonly weights: Float64Array;
  readonly prediction: Prediction;
  readonly space: StateSpace;
}

/** Index of w_{k+1,0} in `SolverTable.weights`. */
export function rowOffset(k: number): number {
  return (k * (k + 1)) / 2;
}
