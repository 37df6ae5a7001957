/** A solver table as it travels in events, checkpoints and `solver.json`. */
export interface TableData {
  /** Number of model evaluations N. */
  readonly nfe: number;
  /** τ_0 … τ_{N−1}: the time handed to the network at each evaluation, in the schedule's own unit. */
  readonly times: readonly number[];
  /** s_0 … s_N: weight of the start noise x_T in each state y_0 … y_N. */
  readonly start: readonly number[];
  /** rows[k][j] = w_{k+1,j}: weight of D_j (j ≤ k) in y_{k+1}; N rows of length 1 … N. */
  readonly rows: readonly (readonly number[])[];
  /** What D is. */
  readonly prediction: 'data' | 'noise' | 'velocity';
  /** The space the states live in. */
  readonly space: 'vp' | 've' | 'flow';
}
