import type { Denoiser } from '../../solvers/denoiser';
import { rowOffset } from '../../solvers/table';
import type { Parameterisation } from '../parameterisation';

export interface RowFit {
  /** Start states x_T, `count × dim`. */
  readonly starts: Float32Array;
  /** Condition of each start. */
  readonly conditions: Int32Array;
  /** What row k = 1 … N should be, each `count × dim`: a teacher's states from the same starts, the last its samples. */
  readonly targets: readonly Float32Array[];
}

/**
 * Fits scalars that enter one row each and linearly there, row by row: the least-squares solution on one batch against a
 * teacher's trajectory, as D-ODE learns (Kim et al. 2024, §3.2). Costs the N evaluations of one sampling run and no
 * gradient. A row whose scalar moves nothing keeps it at 0.
 *
 * @param parameterisation θ_p belongs to row N − size + p + 1 (the rows without a scalar come first), and enters it linearly
 * @returns θ
 * @throws RangeError when targets and rows differ in number
 */
export async function fitRows(
  denoiser: Denoiser,
  parameterisation: Parameterisation,
  { starts, conditions, targets }: RowFit,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const { size } = parameterisation;
  const theta = new Float64Array(size);
  const { nfe, start } = parameterisation.table(theta);
  if (targets.length !== nfe) {
    throw new RangeError(`The fit needs a target for each of the ${nfe} rows, got ${targets.length}.`);
  }
  const outputs: Float32Array[] = [];
  let state = starts.map((value) => value * start[0]!);
  for (let k = 0; k < nfe; k++) {
    const { times } = parameterisation.table(theta);
    const batch = { states: state, times: new Float64Array(conditions.length).fill(times[k]!), conditions };
    outputs.push(await denoiser.evaluate(batch, signal));
    const p = k - (nfe - size);
    if (p >= 0) {
      theta[p] = 0;
      const plain = rowOf(parameterisation, theta, k, starts, outputs);
      const direction = directionOf(parameterisation, theta, nfe, k, p, starts, outputs);
      let along = 0;
      let squares = 0;
      for (let i = 0; i < plain.length; i++) {
        along += direction[i]! * (targets[k]![i]! - plain[i]!);
        squares += direction[i]! ** 2;
      }
      theta[p] = squares > 0 ? along / squares : 0;
    }
    state = Float32Array.from(rowOf(parameterisation, theta, k, starts, outputs));
  }
  return theta;
}

/** y_{k+1}, in float64. */
function rowOf(
  parameterisation: Parameterisation,
  theta: Float64Array,
  k: number,
  starts: Float32Array,
  outputs: readonly Float32Array[],
): Float64Array {
  const { start, weights } = parameterisation.table(theta);
  return combineStates(start[k + 1]!, weights.subarray(rowOffset(k), rowOffset(k + 1)), starts, outputs);
}

/** ∂y_{k+1}/∂θ_p. */
function directionOf(
  parameterisation: Parameterisation,
  theta: Float64Array,
  nfe: number,
  k: number,
  p: number,
  starts: Float32Array,
  outputs: readonly Float32Array[],
): Float64Array {
  const derivatives = parameterisation.jacobian(theta);
  const of = (entry: number): number => derivatives[entry * parameterisation.size + p]!;
  const weights = Float64Array.from({ length: k + 1 }, (_, j) => of(nfe + rowOffset(k) + j));
  return combineStates(of(k), weights, starts, outputs);
}

function combineStates(
  start: number,
  weights: Float64Array,
  starts: Float32Array,
  outputs: readonly Float32Array[],
): Float64Array {
  return Float64Array.from(starts, (value, i) =>
    weights.reduce((sum, weight, j) => sum + weight * outputs[j]![i]!, start * value),
  );
}
