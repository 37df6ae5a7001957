import { CholeskyDecomposition, Matrix } from 'ml-matrix';
import { sample } from '../solvers/sampler';
import type { SolverTable } from '../solvers/table';
import { sampleTangents } from '../solvers/tangents';
import { mean, tableLosses } from './objective';
import { slicePairs } from './pairs';
import type { PairSet } from './pairs';
import type { OptimiserPoint, OptimiserStep } from './optimiser';

export function gaussNewtonState(): GaussNewtonState {
  return { damping: firstDamping, differenceStep: firstDifferenceStep };
}

/** True when finer differences are not worth trying either. */
export function isExhausted(state: GaussNewtonState): boolean {
  return state.differenceStep < minDifferenceStep;
}

/** What the Gauss–Newton optimiser carries from one iteration to the next. */
export interface GaussNewtonState {
  /** Levenberg–Marquardt damping μ, relative to the diagonal of JᵀJ (scale-free). */
  damping: number;
  /** Step of the differences behind J, relative (see `sampleTangents`); halves when no damping gave a better table. */
  differenceStep: number;
}

/** Bytes of tangents that are held at once: noises go through in chunks that fit, so memory does not grow with N. */
const chunkBytes = 48e6;
const largestChunk = 16;
const maxTrials = 10;
const firstDamping = 1e-3;
const firstDifferenceStep = 0.04;
/** Below this, smaller differences only follow wiggles of the network that do not survive a step of the table. */
const minDifferenceStep = 0.01;
const leastEffect = 1e-4;
/** The trust ratio above which a less damped step, and going further along one, are worth their evaluations. */
const leastTrust = 0.25;
const minDamping = 1e-6;
const maxDamping = 1e6;

/**
 * One damped Gauss–Newton (Levenberg–Marquardt) step on the residuals r(θ) of the objective over all training samples:
 *
 *     (JᵀJ + μ diag(JᵀJ)) δ = −Jᵀ r
 *
 * J = ∂r/∂y · ∂y/∂entry · ∂entry/∂θ; tangents of the samples come from batched differences of the denoiser, so only forward
 * runs are needed. The differences start wide: secants over the range a step will cover lead to tables that do better on
 * unseen noises than tangents, which see the network's small wiggles. Several μ are tried (a trial costs N evaluations a
 * sample, J several times that); the one with the lowest training loss wins. `block` restricts the step to some
 * parameters.
 *
 * @throws TypeError when the objective is not a sum of squares
 */
export async function gaussNewtonStep(
  point: OptimiserPoint,
  state: GaussNewtonState,
  signal?: AbortSignal,
): Promise<OptimiserStep> {
  const { denoiser, objective, parameterisation, block, theta, train } = point;
  const table = parameterisation.table(theta);
  const {
    normal,
    gradient,
    loss,
    evaluations: used,
  } = await normalEquations(point, table, state.differenceStep, signal);
  let evaluations = used;
  // One NaN in the tangents spoils every direction: keep θ, and let the damping alone.
  if (!isFiniteSystem(normal, gradient)) return { theta, trainLoss: loss, evaluations, accepted: false };
  let best = { theta, loss };
  let bestDamping = state.damping;
  let damping = state.damping;
  const consider = async (step: Float64Array): Promise<boolean> => {
    const next = theta.slice();
    block.forEach((p, i) => (next[p]! += step[i]!));
    const candidate = parameterisation.project(next);
    const candidateLoss = mean(
      await tableLosses(denoiser, objective, parameterisation.table(candidate), train, signal),
    );
    evaluations += table.nfe * train.count;
    const improves = candidateLoss < best.loss; // false for NaN, too
    if (improves) best = { theta: candidate, loss: candidateLoss };
    return improves;
  };
  // The trust ratio of the best step: how much of the gain that the linear model promised has come.
  let trust = 0;
  for (let trial = 0; trial < maxTrials; trial++) {
    const step = solveDamped(normal, gradient, damping);
    const improves = await consider(step);
    if (improves) {
      bestDamping = damping;
      trust = (loss - best.loss) / promisedGain(normal, gradient, step);
    }
    if (best.theta === theta)
      damping *= 10; // nothing has helped yet: be more careful
    else if (improves && damping > minDamping && trust > leastTrust)
      damping /= 10; // it helped: see whether a bolder step helps more
    else break;
  }
  // Residuals stay large at the optimum, so Gauss–Newton steps come out too short there: go further while that helps.
  if (best.theta !== theta && trust > leastTrust) {
    let step = block.map((p) => best.theta[p]! - theta[p]!);
    do step = step.map((s) => 2 * s);
    while (await consider(Float64Array.from(step)));
  }
  const accepted = best.theta !== theta;
  state.damping = accepted ? Math.min(maxDamping, Math.max(minDamping, bestDamping)) : firstDamping;
  if (!accepted && !isExhausted(state)) state.differenceStep /= 2;
  return { theta: best.theta, trainLoss: best.loss, evaluations, accepted };
}

/** What the loss falls by if residuals are linear in θ: −(2gᵀδ + δᵀAδ). */
function promisedGain(normal: Matrix, gradient: Float64Array, step: Float64Array): number {
  const product = normal.mmul(Matrix.columnVector(Array.from(step)));
  return -step.reduce((sum, d, i) => sum + d * (2 * gradient[i]! + product.get(i, 0)), 0);
}

async function normalEquations(
  { denoiser, schedule, objective, parameterisation, block, theta, train }: OptimiserPoint,
  table: SolverTable,
  stepSize: number,
  signal?: AbortSignal,
): Promise<{ normal: Matrix; gradient: Float64Array; loss: number; evaluations: number }> {
  const jacobian = parameterisation.jacobian(theta);
  if (!objective.squares) throw new TypeError('The objective is not a sum of squares; learn with adam.');
  const size = block.length;
  const scale = 1 / train.count;
  const chunkSize = chunkOf(table.nfe, parameterisation.size, train);
  const normal = Matrix.zeros(size, size);
  const gradient = new Float64Array(size);
  const losses = new Float64Array(train.count);
  let evaluations = 0;
  for (let from = 0; from < train.count; from += chunkSize) {
    const part = slicePairs(train, from, chunkSize);
    const options = signal ? { signal } : {};
    const trajectory = await sample(denoiser, table, part.noises, part.conditions, options);
    const squares = await objective.squares({ table, states: trajectory.states }, part, signal);
    const { residuals } = squares;
    losses.set(squares.losses, from);
    const result = await sampleTangents(denoiser, table, trajectory, part.conditions, {
      schedule,
      stepSize,
      ...options,
    });
    evaluations += result.evaluations + table.nfe * part.count;
    // Columns of J for the block: entry tangents combined by ∂entry/∂θ.
    const columns: Float32Array[] = [];
    for (const p of block) {
      const rowTangent = (row: number): Float32Array | undefined =>
        combine(
          result.tangents.length,
          (entry) => result.rowTangent(entry, row),
          (entry) => jacobian[entry * parameterisation.size + p]!,
        );
      columns.push(await squares.push(rowTangent, signal));
    }
    for (let a = 0; a < size; a++) {
      const column = columns[a]!;
      let dot = 0;
      for (let e = 0; e < column.length; e++) dot += column[e]! * residuals[e]!;
      gradient[a]! += dot * scale;
      for (let b = 0; b <= a; b++) {
        const other = columns[b]!;
        let sum = 0;
        for (let e = 0; e < column.length; e++) sum += column[e]! * other[e]!;
        normal.set(a, b, normal.get(a, b) + sum * scale);
        if (b < a) normal.set(b, a, normal.get(a, b));
      }
    }
  }
  return { normal, gradient, loss: mean(losses), evaluations };
}

function isFiniteSystem(normal: Matrix, gradient: Float64Array): boolean {
  return gradient.every(Number.isFinite) && normal.to1DArray().every(Number.isFinite);
}

/** Σ weight · tangent over the entries; undefined where all are zero. */
function combine(
  entries: number,
  tangentOf: (entry: number) => Float32Array | undefined,
  weightOf: (entry: number) => number,
): Float32Array | undefined {
  let sum: Float32Array | undefined;
  for (let entry = 0; entry < entries; entry++) {
    const weight = weightOf(entry);
    const tangent = weight === 0 ? undefined : tangentOf(entry);
    if (!tangent) continue;
    sum ??= new Float32Array(tangent.length);
    for (let e = 0; e < sum.length; e++) sum[e]! += weight * tangent[e]!;
  }
  return sum;
}

/** Noises whose tangents fit: of each entry the outputs' and the sample's, and a column of residuals for each parameter. */
function chunkOf(nfe: number, parameters: number, { dim, count, mappedTargets, path }: PairSet): number {
  const entries = nfe + (nfe * (nfe + 1)) / 2 + nfe;
  const width = (mappedTargets ? mappedTargets.length / count : dim) + (path ? (nfe - 1) * dim : 0);
  const numbers = entries * (nfe / 2 + 1) * dim + parameters * width;
  return Math.max(1, Math.min(largestChunk, Math.floor(chunkBytes / (4 * numbers))));
}

/** δ of (A + μ diag(A)) δ = −g, by Cholesky in coordinates where A has a unit diagonal. */
export function solveDamped(normal: Matrix, gradient: Float64Array, damping: number): Float64Array {
  const size = gradient.length;
  const largest = Math.max(...normal.diagonal());
  // A parameter with next to no effect on the samples would take huge steps: none counts for less than a share of the
  // strongest. Where none has any, all stay where they are.
  const scales = Array.from({ length: size }, (_, i) => {
    const d = Math.max(normal.get(i, i), leastEffect * largest);
    return d > 0 ? 1 / Math.sqrt(d) : 0;
  });
  const system = Matrix.zeros(size, size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      const value = normal.get(i, j) * scales[i]! * scales[j]!;
      system.set(i, j, value);
      system.set(j, i, value);
    }
    // 1e-10 keeps the factorisation alive when columns are linearly dependent to rounding.
    system.set(i, i, (scales[i] === 0 ? 1 : system.get(i, i)) + damping + 1e-10);
  }
  const right = Matrix.columnVector(scales.map((s, i) => -s * gradient[i]!));
  const solution = new CholeskyDecomposition(system).solve(right);
  return Float64Array.from(scales, (s, i) => s * solution.get(i, 0));
}
