import type { SolverTable } from '../solvers/table';

/**
 * θ → table, with its exact Jacobian. Entries of a table are ordered as in `tableEntries` of the solvers room:
 * s_1 … s_N, then the packed weights, then τ_0 … τ_{N−1}. (s_0 stays 1: scaling it only rescales the other entries.)
 */
export interface Parameterisation {
  /** Number of parameters. */
  readonly size: number;
  /** θ at which the table is exactly the one it was built from. */
  readonly initial: Float64Array;
  /**
   * Groups of parameter indices that are learned in turns. One group means all at once; S4S-Alt has two, coefficients
   * and times.
   */
  readonly blocks: readonly (readonly number[])[];
  table(theta: Float64Array): SolverTable;
  /** ∂entry/∂θ, row-major `entries × size`. */
  jacobian(theta: Float64Array): Float64Array;
  /** The nearest allowed θ: network times stay inside the schedule. */
  project(theta: Float64Array): Float64Array;
}

/** Pulls a gradient with respect to table entries back to θ: Jᵀ g. */
export function pullback(
  parameterisation: Parameterisation,
  theta: Float64Array,
  gradEntries: Float64Array,
): Float64Array {
  const { size } = parameterisation;
  const jacobian = parameterisation.jacobian(theta);
  const grad = new Float64Array(size);
  gradEntries.forEach((g, entry) => {
    for (let p = 0; p < size; p++) grad[p]! += g * jacobian[entry * size + p]!;
  });
  return grad;
}
