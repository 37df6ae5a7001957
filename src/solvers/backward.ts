import type { Denoiser } from './denoiser';
import { addScaled, assertFits, type Trajectory } from './sampler';
import { assertPlainTable, rowOffset, type SolverTable } from './table';

/** Gradient of a loss with respect to all numbers of a table and to the start noise. */
export interface TableGradient {
  /** ∂L/∂s_0 … ∂L/∂s_N */
  readonly start: Float64Array;
  /** ∂L/∂w, packed like the table's weights. */
  readonly weights: Float64Array;
  /** ∂L/∂τ_0 … ∂L/∂τ_{N−1} */
  readonly times: Float64Array;
  /** ∂L/∂x_T, `count × dim`. */
  readonly xT: Float32Array;
}

/**
 * The exact reverse pass of `sample`: one vector–Jacobian product per evaluation, from the last to the first. With
 * G_r = ∂L/∂y_r,
 *
 *     ∂L/∂s_r = ⟨G_r, x_T⟩      ∂L/∂w_{r,j} = ⟨G_r, D_j⟩      ∂L/∂D_k = Σ_{r>k} w_{r,k}·G_r
 *     G_k and ∂L/∂τ_k from the pull-back of ∂L/∂D_k at (y_k, τ_k)      ∂L/∂x_T = Σ_r s_r·G_r
 *
 * Nothing but the trajectory and the G_r is kept, so memory does not depend on the network's depth. Sums over samples
 * run in float64 in a fixed order.
 *
 * @param gradRows ∂L/∂y_r of the rows that the loss looks at, N for the sample; `count × dim` each
 * @throws TypeError when the model has no gradient; RangeError when sizes do not fit; AbortError by the signal
 */
export async function backward(
  denoiser: Denoiser,
  table: SolverTable,
  trajectory: Trajectory,
  conditions: Int32Array,
  gradRows: ReadonlyMap<number, Float32Array>,
  signal?: AbortSignal,
): Promise<TableGradient> {
  if (!denoiser.vjp) {
    throw new TypeError('This model has no gradient; learn with the gauss_newton optimizer, which does without one.');
  }
  const { nfe } = table;
  const { xT, states, outputs } = trajectory;
  assertPlainTable(table);
  assertFits(denoiser, table, xT, conditions);
  for (const [row, gradient] of gradRows) {
    if (gradient.length === xT.length && row >= 0 && row <= nfe) continue;
    throw new RangeError(`The gradient of row ${row} has ${gradient.length} numbers; it must have ${xT.length}.`);
  }
  const gradStates: Float32Array[] = [];
  gradStates[nfe] = gradRows.get(nfe) ?? new Float32Array(xT.length);
  const times = new Float64Array(nfe);
  for (let k = nfe - 1; k >= 0; k--) {
    signal?.throwIfAborted();
    const sum = new Float64Array(xT.length);
    for (let r = k + 1; r <= nfe; r++) {
      addScaled(sum, table.weights[rowOffset(r - 1) + k]!, gradStates[r]!);
    }
    const batch = {
      states: states[k]!,
      times: new Float64Array(conditions.length).fill(table.times[k]!),
      conditions,
    };
    const pulled = await denoiser.vjp(batch, new Float32Array(sum), signal);
    const own = gradRows.get(k);
    gradStates[k] = own ? pulled.gradStates.map((g, i) => g + own[i]!) : pulled.gradStates;
    times[k] = pulled.gradTimes.reduce((total, value) => total + value, 0);
  }
  const gradXT = new Float64Array(xT.length);
  gradStates.forEach((gradient, r) => addScaled(gradXT, table.start[r]!, gradient));
  return {
    start: Float64Array.from(gradStates, (gradient) => dot(gradient, xT)),
    weights: Float64Array.from(
      gradStates.slice(1).flatMap((gradient, k) => outputs.slice(0, k + 1).map((output) => dot(gradient, output))),
    ),
    times,
    xT: new Float32Array(gradXT),
  };
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
