import type { GridPoint } from '../diffusion/grid-point';
import { combine, stepsOf, TableRecorder, type LinearForm, type RecordedTable, type TableProblem } from './linear-form';
import { lagrangeCoefficients, solveVandermonde } from './vandermonde';

export interface UnipcOptions {
  /** p, 1 to 4; or one for each step, as given. The first steps use the outputs there are. */
  readonly order: number | readonly number[];
  /** What is interpolated: predicted data (default) or noise. */
  readonly prediction?: 'data' | 'noise';
  /** Where the weights come from, see `unipc`. Default bh2, as recommended for few steps. */
  readonly variant?: 'bh1' | 'bh2' | 'exact' | 'vary_coeff';
  /** False for the predictor alone; or correct after every step but these, counted from 0. Default true. */
  readonly corrector?: boolean | { readonly except: readonly number[] };
  /**
   * Fall back to order p ≤ steps left at the end. Default true, as the authors' program has it; of no effect where
   * `order` is a list.
   */
  readonly lowerOrderFinal?: boolean;
}

/**
 * UniPC (Zhao et al. 2023; on data their Algorithms 5 and 6). M is what is predicted, data or noise, h = λ' − λ; z = −h,
 * a = α', q = σ'/σ on data and z = h, a = σ', q = α'/α on noise:
 *
 *     base = q·x − a·(e^z − 1)·M_0
 *     predictor  y  = base − a·Σ_{m<p} c_m·d_m                         d_m = (M_m − M_0)/r_m, r_m = (λ_m − λ)/h
 *     corrector  x' = base − a·(Σ_{m<p} c'_m·d_m + c'_p·(M' − M_0))    M' the prediction at y, r_p = 1
 *
 * M' serves as the next step's M_0, so the corrector costs no evaluation; the last step has none. One evaluation a step.
 * The weights integrate the polynomial in λ through the M exactly: Σ_m r_m^{k−1}·c_m = k!·g_k with g_1 = (e^z − 1)/z − 1
 * and g_{k+1} = g_k/z − 1/(k+1)!. Variants:
 *
 *     bh1, bh2    a single d has c = B(h)/2 instead, B(h) = z or e^z − 1 (the paper leaves B free)
 *     exact       no exception: the paper's varying coefficients (UniPC_v)
 *     vary_coeff  what the authors' program has of them, see `publishedCorrector`
 *
 * Order p + 1 with the corrector and p without. The first steps know fewer outputs and limit this to 3, without the
 * corrector 2, where they are not short; orders that fall at the end limit it to 2. The published vary_coeff has order 2
 * for p = 1 and order 1 above.
 *
 * A step from pure noise (α = 0, λ = −∞) or to clean data (σ' = 0, λ' = +∞) is predicted with order 1.
 *
 * @throws RangeError for an order other than 1 to 4, for such a step in bh1, whose B(h) is infinite there, and on noise
 *   for a start at α = 0, where noise says nothing of data
 */
export function unipc(problem: TableProblem, options: UnipcOptions): RecordedTable {
  const { prediction = 'data', variant = 'bh2', corrector = true } = options;
  const steps = stepsOf(problem.grid);
  const orders = stepOrders(options, steps.length);
  assertFiniteWeights(problem.grid, prediction, variant);
  const corrects = (n: number): boolean => (typeof corrector === 'boolean' ? corrector : !corrector.except.includes(n));
  // Without new outputs the state keeps its part of one scale and loses that of the other: x/σ or x/α is constant.
  const [kept, driven] = prediction === 'data' ? (['sigma', 'alpha'] as const) : (['alpha', 'sigma'] as const);
  const recorder = new TableRecorder(problem, steps.length);
  const evaluate = (state: LinearForm, point: GridPoint): { output: LinearForm; lambda: number } => ({
    output: recorder.evaluate(state, point)[prediction],
    lambda: point.lambda,
  });
  let x = recorder.start;
  const past = [evaluate(x, problem.grid[0]!)];
  for (const [n, { from, to, h }] of steps.entries()) {
    const current = past[0]!;
    const earlier = past.slice(1, Number.isFinite(h) ? orders[n] : 1);
    const z = prediction === 'data' ? -h : h;
    const ratio = to[kept] / from[kept];
    const amplitude = to[driven];
    // a·(e^z − 1) = q·(scale before) − (scale after), which stays finite where e^z does not.
    const gain = Number.isFinite(h) ? amplitude * Math.expm1(z) : ratio * from[driven] - amplitude;
    const base = combine([ratio, x], [-gain, current.output]);
    const nodes = earlier.map((output) => (output.lambda - from.lambda) / h);
    const differences = earlier.map(({ output }, m): LinearForm => {
      const r = nodes[m]!;
      return combine([1 / r, output], [-1 / r, current.output]);
    });
    const add = ({ scale, rho }: Weights, forms: readonly LinearForm[]): LinearForm =>
      combine([1, base], ...forms.map((d, m): [number, LinearForm] => [-amplitude * scale * rho[m]!, d]));

    x = add(weights(nodes, z, variant), differences);
    if (n === steps.length - 1) break;
    const next = evaluate(x, to);
    if (corrects(n)) {
      const all = [...nodes, 1];
      const change = combine([1, next.output], [-1, current.output]);
      x = add(variant === 'vary_coeff' ? publishedCorrector(all, z) : weights(all, z, variant), [
        ...differences,
        change,
      ]);
    }
    past.unshift(next);
  }
  return recorder.finish(x);
}

/** The largest order of each step. */
function stepOrders({ order, lowerOrderFinal = true }: UnipcOptions, steps: number): number[] {
  const given = typeof order === 'number' ? Array.from({ length: steps }, () => order) : order;
  if (given.length !== steps) {
    throw new RangeError(`UniPC needs an order for each of its ${steps} steps, got ${given.length}.`);
  }
  const bad = given.find((p) => ![1, 2, 3, 4].includes(p));
  if (bad !== undefined) throw new RangeError(`UniPC has orders 1 to 4, got ${bad}.`);
  return given.map((p, n) => (lowerOrderFinal && typeof order === 'number' ? Math.min(p, steps - n) : p));
}

function assertFiniteWeights(
  grid: readonly GridPoint[],
  prediction: 'data' | 'noise',
  variant: UnipcOptions['variant'],
): void {
  const fromNoise = grid[0]!.alpha === 0;
  if (prediction === 'noise' && fromNoise) {
    throw new RangeError('UniPC (noise) cannot start where alpha is 0; use data prediction.');
  }
  if (variant !== 'bh1') return;
  if (fromNoise) {
    throw new RangeError('UniPC with bh1 cannot start where alpha is 0: its B(h) is infinite there; use bh2.');
  }
  if (grid.at(-1)!.sigma === 0) {
    throw new RangeError(
      'UniPC with bh1 cannot end at sigma = 0: its B(h) is infinite there; use bh2, or end at sigma_min.',
    );
  }
}

/** The weights c = scale·ρ of the differences d. */
interface Weights {
  readonly scale: number;
  readonly rho: readonly number[];
}

function weights(nodes: readonly number[], z: number, variant: UnipcOptions['variant']): Weights {
  const scale = variant === 'bh1' ? z : variant === 'bh2' ? Math.expm1(z) : 1;
  if (nodes.length === 1 && (variant === 'bh1' || variant === 'bh2')) return { scale, rho: [0.5] };
  return { scale, rho: solveVandermonde(nodes, moments(nodes.length, z, scale)) };
}

/** k!·g_k/scale, k = 1 … count. */
function moments(count: number, z: number, scale: number): number[] {
  let g = Math.expm1(z) / z - 1;
  let factorial = 1;
  return Array.from({ length: count }, (_, i) => {
    factorial *= i + 1;
    // The recurrence loses digits with each division by a small z.
    if (Math.abs(z) < 0.1) g = remainder(i + 1, factorial, z);
    const b = (factorial * g) / scale;
    g = g / z - 1 / (factorial * (i + 2));
    return b;
  });
}

/** g_k as its series Σ_{j≥1} z^j/(k + j)!, of which ten terms are enough below |z| = 0.1. */
function remainder(k: number, factorial: number, z: number): number {
  let term = 1 / factorial;
  let sum = 0;
  for (let j = 1; j <= 10; j++) {
    term *= z / (k + j);
    sum += term;
  }
  return sum;
}

/**
 * The corrector that the authors' program has for vary_coeff. With A_km = k!·(coefficient of u^{k−1} in ℓ_m), which is
 * what the program inverts a matrix for, the paper's weights are c_m = Σ_{k≤p} g_k·A_km; the program sums k < p for m < p
 * and takes g_p·A_{p−1,p} alone for m = p.
 */
function publishedCorrector(nodes: readonly number[], z: number): Weights {
  const p = nodes.length;
  const right = moments(p, z, 1);
  if (p === 1) return { scale: 1, rho: right };
  const rho = lagrangeCoefficients(nodes).map((basis, m) =>
    m < p - 1
      ? basis.slice(0, p - 1).reduce((sum, coefficient, k) => sum + coefficient * right[k]!, 0)
      : (right[p - 1]! / p) * (basis[p - 2] ?? 0),
  );
  return { scale: 1, rho };
}
