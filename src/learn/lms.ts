import type { NoiseSchedule } from '../diffusion/noise-schedule';
import { rowOffset } from '../solvers/table';
import type { SolverTable } from '../solvers/table';
import { Dual, dualLevel } from './dual';
import { clamp, timePerLambda } from './free-table';
import type { Parameterisation } from './parameterisation';

/**
 * S4S, family lms (arXiv 2502.17423; written as in GAS App. B.9), data prediction, window K:
 *
 *     x_{n+1} = (σ_{n+1}/σ_n) x_n − α_{n+1}(e^{−h_n} − 1) Σ_{j<min(n+1,K)} c_{n,j} X_{n−j}
 *
 * with h_n = λ_{n+1} − λ_n and X_n the denoiser at network time t(λ_n + ξ_n). θ holds the coefficients c. S4S-Alt adds
 * the discretisation and the decoupled network times: log-gaps g_n = log(h_n/h_0), n = 1 … N−1 (monotone by
 * construction, ends fixed), and the shifts ξ_0 … ξ_{N−1}, all in λ.
 *
 * @param grid N+1 descending times of the start table.
 * @returns undefined when `start` is not a member of the family on this grid (for example a predictor–corrector).
 */
export function lms(
  schedule: NoiseSchedule,
  start: SolverTable,
  grid: Float64Array,
  order: number,
  learnTimes: boolean,
): Parameterisation | undefined {
  const n = start.nfe;
  const lambdas = Array.from(grid, (t) => schedule.lambda(t));
  const first = lambdas[0]!;
  const last = lambdas[n]!;
  const gaps = Array.from({ length: n }, (_, i) => lambdas[i + 1]! - lambdas[i]!);

  const coefficients = coefficientsOf(schedule, start, grid, order);
  if (coefficients === undefined) return undefined;
  const shifts = Array.from(start.times, (tau, i) => schedule.lambda(tau) - lambdas[i]!);
  const logGaps = gaps.slice(1).map((gap) => Math.log(gap / gaps[0]!));
  const initial = Float64Array.from(learnTimes ? [...coefficients, ...logGaps, ...shifts] : coefficients);
  const size = initial.length;
  const count = coefficients.length;

  /** The table with derivatives: the recursion above on linear forms over (x_T, X_0, X_1, …). */
  const build = (theta: Float64Array): { starts: Dual[]; rows: Dual[][]; times: Dual[] } => {
    const constant = (value: number): Dual => Dual.constant(value, size);
    const variable = (i: number): Dual => Dual.variable(theta[i]!, i, size);
    const lambda = [constant(first)];
    if (learnTimes) {
      const raw = [constant(1), ...logGaps.map((_, i) => variable(count + i).exp())];
      const total = raw.reduce((sum, gap) => sum.plus(gap));
      for (const gap of raw) lambda.push(lambda.at(-1)!.plus(gap.over(total).times(last - first)));
    } else {
      for (const value of lambdas.slice(1)) lambda.push(constant(value));
    }
    const timeAt = (value: Dual): Dual => {
      const inside = clamp(value.value, first, last);
      const t = schedule.timeOfLambda(inside);
      return value.map(t, timePerLambda(schedule, t));
    };
    const levels = lambda.map((value, i) => {
      const t = i === 0 ? constant(grid[0]!) : i === n ? constant(grid[n]!) : timeAt(value);
      return dualLevel(schedule.at(t.value), t);
    });
    const times = shifts.map((shift, i) =>
      learnTimes
        ? timeAt(lambda[i]!.plus(variable(count + n - 1 + i)))
        : constant(schedule.timeOfLambda(lambda[i]!.value + shift)),
    );
    const starts = [constant(start.start[0]!)];
    const rows: Dual[][] = [];
    let index = 0;
    for (let step = 0; step < n; step++) {
      const ratio = levels[step + 1]!.sigma.over(levels[step]!.sigma);
      const h = lambda[step + 1]!.minus(lambda[step]!);
      const gain = levels[step + 1]!.alpha.times(constant(1).minus(h.times(-1).exp()));
      const row = (rows[step - 1] ?? []).map((w) => w.times(ratio));
      row.push(constant(0));
      for (let j = 0; j < Math.min(step + 1, order); j++) {
        row[step - j] = row[step - j]!.plus(gain.times(variable(index++)));
      }
      starts.push(starts[step]!.times(ratio));
      rows.push(row);
    }
    return { starts: starts.slice(1), rows, times };
  };

  const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
  return {
    size,
    initial,
    blocks: learnTimes ? [range(0, count), range(count, size)] : [range(0, size)],
    table(theta) {
      const { starts, rows, times } = build(theta);
      return {
        ...start,
        start: Float64Array.from([start.start[0]!, ...starts.map((s) => s.value)]),
        weights: Float64Array.from(rows.flat().map((w) => w.value)),
        times: Float64Array.from(times.map((t) => t.value)),
      };
    },
    jacobian(theta) {
      const { starts, rows, times } = build(theta);
      const entries = [...starts, ...rows.flat(), ...times];
      const jacobian = new Float64Array(entries.length * size);
      entries.forEach((entry, i) => jacobian.set(entry.grad, i * size));
      return jacobian;
    },
    project(theta) {
      if (!learnTimes) return theta.slice();
      const widths = [1, ...Array.from(theta.subarray(count, count + n - 1), Math.exp)];
      const total = widths.reduce((sum, width) => sum + width);
      const projected = theta.slice();
      let lambda = first;
      for (let i = 0; i < n; i++) {
        const at = count + n - 1 + i;
        projected[at] = clamp(lambda + theta[at]!, first, last) - lambda;
        lambda += ((last - first) * widths[i]!) / total;
      }
      return projected;
    },
  };
}

/** Reads c_{n,j} off a classic table by undoing the recursion; undefined when something is left over. */
function coefficientsOf(
  schedule: NoiseSchedule,
  table: SolverTable,
  grid: Float64Array,
  order: number,
): number[] | undefined {
  const coefficients: number[] = [];
  const weight = (k: number, j: number): number => (k < 0 || j > k ? 0 : table.weights[rowOffset(k) + j]!);
  const tolerance = 1e-9;
  for (let step = 0; step < table.nfe; step++) {
    const from = schedule.at(grid[step]!);
    const to = schedule.at(grid[step + 1]!);
    const ratio = to.sigma / from.sigma;
    const gain = to.alpha * -Math.expm1(schedule.lambda(grid[step]!) - schedule.lambda(grid[step + 1]!));
    if (Math.abs(table.start[step + 1]! - ratio * table.start[step]!) > tolerance) return undefined;
    const change = Array.from({ length: step + 1 }, (_, j) => weight(step, j) - ratio * weight(step - 1, j));
    const window = Math.min(step + 1, order);
    if (change.slice(0, step + 1 - window).some((left) => Math.abs(left) > tolerance)) return undefined;
    for (let j = 0; j < window; j++) coefficients.push(change[step - j]! / gain);
  }
  return coefficients;
}
