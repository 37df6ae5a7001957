import type { GridPoint } from '../diffusion/grid-point';
import { combine, TableRecorder, type LinearForm, type RecordedTable, type TableProblem } from './linear-form';
import { Integrals, nodeOf, widthOfStatistics, type ModelStatistics } from './model-statistics';
import { assertValidTable } from './table';

export interface DpmSolverV3Options {
  /** Of the predictor: 1 to 3. The corrector has the same order, or one more with `correctorPseudo`. */
  readonly order: number;
  /** Correct each state once the model was asked there; costs no evaluation. Default true. */
  readonly corrector?: boolean;
  /** Correct only while t is above half of the first t, for large guidance. Default false. */
  readonly halfCorrector?: boolean;
  /** Divided differences in the place of derivatives; meant for 10 evaluations and fewer. Default false. */
  readonly predictorPseudo?: boolean;
  readonly correctorPseudo?: boolean;
  /** Fall back to order p ≤ steps left at the end. Default true. */
  readonly lowerOrderFinal?: boolean;
}

/**
 * DPM-Solver-v3 (Zheng et al. 2023), given its model statistics. With f = (σ·ε − l·x)/α, and from s to t in λ
 *
 *     x_t = α_t·e^{−∫l}·(x_s/α_s − ∫ e^{∫(l+s)}·(Σ_k g_k·(λ − λ_s)^k + ∫ e^{−∫s}·b))        g = e^{−∫s}·f − ∫ e^{−∫s}·b
 *
 * where g_0 … g_{p−1} are the Taylor coefficients of the polynomial through g at λ_s and the points before it (for the
 * corrector: at λ_s, λ_t and the points before). "Pseudo" coefficients are the divided differences themselves. All
 * integrals are trapezoid sums on the grid of the statistics, as in the authors' program, so l = 1, s = b = 0 is
 * DPM-Solver++ only up to the error of these sums.
 *
 * Order p with trapezoids fine enough, but for the first steps, which have order 1, 2, …; one evaluation a step. The
 * model's f, not its ε, is kept when a state is corrected. The half-corrector follows the program, which corrects while t > T/2. Statistics of b ≠ 0 give the table
 * constants; statistics that differ between elements give it one number per element (`width`).
 *
 * @throws RangeError for an order out of range, statistics of uneven sizes, or a grid point between their λ
 */
export function dpmSolverV3(
  problem: TableProblem,
  statistics: ModelStatistics,
  options: DpmSolverV3Options,
): RecordedTable {
  if (![1, 2, 3].includes(options.order)) {
    throw new RangeError(`DPM-Solver-v3 has orders 1 to 3, got ${options.order}.`);
  }
  const { lambda } = statistics;
  const width = widthOfStatistics(statistics);
  const nodes = problem.grid.map((point) => nodeOf(lambda, point));
  const column = (values: ArrayLike<number>, element: number): Float64Array =>
    Float64Array.from(lambda, (_, i) => values[i * width + element]!);
  const tableOf = (element: number): RecordedTable => {
    const [l, s, b] = [statistics.l, statistics.s, statistics.b].map((values) => column(values, element));
    return scalarTable(problem, nodes, new Integrals(Float64Array.from(lambda), l!, s!, b!), options);
  };
  const shared = [statistics.l, statistics.s, statistics.b].every((values) =>
    Array.from(values).every((value, i) => value === values[i - (i % width)]),
  );
  return shared ? tableOf(0) : interleave(Array.from({ length: width }, (_, element) => tableOf(element)));
}

/** A point the model was asked at. */
interface Past {
  readonly point: GridPoint;
  readonly node: number;
  /** The state, corrected where it was. */
  x: LinearForm;
  readonly f: LinearForm;
}

/** The method for elements with one and the same l, s and b. */
function scalarTable(
  problem: TableProblem,
  nodes: readonly number[],
  integrals: Integrals,
  options: DpmSolverV3Options,
): RecordedTable {
  const { order, corrector = true, halfCorrector = false, lowerOrderFinal = true } = options;
  const { predictorPseudo = false, correctorPseudo = false } = options;
  const { grid } = problem;
  const steps = grid.length - 1;
  const recorder = new TableRecorder(problem, steps);
  /** The latest first. */
  const past: Past[] = [];
  let x = recorder.start;
  let predictorOrder = 0;
  for (let n = 0; n < steps; n++) {
    const [point, node] = [grid[n]!, nodes[n]!];
    const { noise } = recorder.evaluate(x, point);
    const f = combine([point.sigma / point.alpha, noise], [-integrals.l[node]! / point.alpha, x]);
    const latest: Past = { point, node, x, f };
    const [previous, ...older] = past;
    const correctorOrder = predictorOrder + (correctorPseudo ? 1 : 0);
    if (previous && corrector && correctorOrder > 1 && (!halfCorrector || point.t > grid[0]!.t / 2)) {
      const support = [previous, latest, ...older].slice(0, correctorOrder);
      latest.x = move(integrals, recorder.one, support, point.alpha, node, correctorPseudo);
    }
    past.unshift(latest);
    predictorOrder = Math.min(order, n + 1, lowerOrderFinal ? steps - n : order);
    const support = past.slice(0, predictorOrder);
    x = move(integrals, recorder.one, support, grid[n + 1]!.alpha, nodes[n + 1]!, predictorPseudo);
  }
  return recorder.finish(x);
}

/** The update from the first point of the polynomial's support to a node. */
function move(
  integrals: Integrals,
  one: LinearForm,
  support: readonly Past[],
  alpha: number,
  to: number,
  pseudo: boolean,
): LinearForm {
  const { L, S, I, B, C, lambda } = integrals;
  const { point, node: from, x } = support[0]!;
  const g = support.map(({ node, f }) =>
    combine([Math.exp(S[from]! - S[node]!), f], [-Math.exp(S[from]!) * (B[node]! - B[from]!), one]),
  );
  const coefficients = taylorCoefficients(
    support.map(({ node }) => lambda[node]!),
    g,
    pseudo,
  );
  const scale = alpha * Math.exp(L[from]! - L[to]!);
  const constant = C[to]! - C[from]! - B[from]! * (I[to]! - I[from]!);
  return combine(
    [scale / point.alpha, x],
    [-scale * Math.exp(-L[from]! - S[from]!) * (I[to]! - I[from]!), g[0]!],
    [-alpha * Math.exp(-L[to]!) * constant, one],
    ...coefficients.map((form, k) => [-scale * integrals.moment(from, to, k + 1), form] as const),
  );
}

/**
 * The coefficients of (λ − λ_0)^k, k ≥ 1, of the polynomial through g at λ: Newton's form Σ_i d_i·Π_{j<i}(λ − λ_j)
 * multiplied out, where d_i are the divided differences; or the d_i themselves when pseudo.
 */
function taylorCoefficients(lambda: readonly number[], g: readonly LinearForm[], pseudo: boolean): LinearForm[] {
  const differences: LinearForm[] = [];
  let column = g;
  for (let i = 1; i < g.length; i++) {
    const upper = column;
    column = upper.slice(1).map((next, j) => {
      const gap = lambda[j]! - lambda[i + j]!;
      return combine([1 / gap, upper[j]!], [-1 / gap, next]);
    });
    differences.push(column[0]!);
  }
  if (pseudo) return differences;
  const coefficients: LinearForm[] = differences.map((form) => new Float64Array(form.length));
  let basis = [1];
  differences.forEach((difference, i) => {
    // basis is Π_{1≤j≤i}(δ + λ_0 − λ_j) in powers of δ = λ − λ_0; d_{i+1} has it times δ.
    basis.forEach((factor, k) => {
      coefficients[k] = combine([1, coefficients[k]!], [factor, difference]);
    });
    const shift = lambda[0]! - lambda[i + 1]!;
    basis = [...basis, 0].map((value, k) => value * shift + (k === 0 ? 0 : basis[k - 1]!));
  });
  return coefficients;
}

/** One table of tables that differ in their numbers only. */
function interleave(tables: readonly RecordedTable[]): RecordedTable {
  const width = tables.length;
  const first = tables[0]!;
  const merge = (parts: readonly (Float64Array | undefined)[], length: number): Float64Array =>
    Float64Array.from({ length: length * width }, (_, i) => parts[i % width]?.[Math.floor(i / width)] ?? 0);
  const offsets = tables.map(({ offset }) => offset);
  const { offset: _, ...shared } = first;
  const table: RecordedTable = {
    ...shared,
    start: merge(
      tables.map(({ start }) => start),
      first.start.length,
    ),
    weights: merge(
      tables.map(({ weights }) => weights),
      first.weights.length,
    ),
    ...(offsets.some((offset) => offset !== undefined) ? { offset: merge(offsets, first.start.length) } : {}),
    width,
  };
  assertValidTable(table);
  return table;
}
