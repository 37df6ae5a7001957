import type { GridPoint } from '../diffusion/grid-point';
import { combine, stepsOf, TableRecorder, type LinearForm, type TableProblem } from './linear-form';
import type { SolverTable } from './table';

export interface UnipcOptions {
  /** 1 to 3. */
  readonly order: number;
  /** B(h): bh2 is e^{−h} − 1, bh1 is −h (data prediction). Default bh2, as recommended for few steps. */
  readonly variant?: 'bh1' | 'bh2';
  /** Fall back to order p ≤ steps left at the end. Default true, as the authors' program always does. */
  readonly lowerOrderFinal?: boolean;
}

interface Output {
  readonly data: LinearForm;
  readonly lambda: number;
}

/**
 * UniPC with its corrector, data prediction (Zhao et al. 2023, Algorithms 5 and 6). With h = λ' − λ, z = −h and B = B(h):
 *
 *     base = (σ'/σ)·x − α'·(e^z − 1)·X_0
 *     predictor  y  = base − α'·B·Σ_{m<p} ρ_m·d_m                       d_m = (X_m − X_0)/r_m
 *     corrector  x' = base − α'·B·(Σ_{m<p} ρ^c_m·d_m + ρ^c_p·(X' − X_0))    X' the data predicted at y
 *
 * where r_m = (λ_m − λ)/h and ρ solves Σ_m r_m^{k−1}·ρ_m = b_k. X' serves as the next step's X_0, so the corrector costs
 * no evaluation and the last step has none. One evaluation a step. Order p + 1 thanks to the corrector, but at most 3,
 * because the first step knows one output, and 2 where the order falls at the end, because the last step is of first order.
 */
export function unipc(problem: TableProblem, options: UnipcOptions): SolverTable {
  const steps = stepsOf(problem.grid);
  const { order, variant = 'bh2', lowerOrderFinal = true } = options;
  if (![1, 2, 3].includes(order)) throw new RangeError(`UniPC has orders 1 to 3, got ${order}.`);
  const recorder = new TableRecorder(problem, steps.length);
  const evaluate = (state: LinearForm, point: GridPoint): Output => ({
    data: recorder.evaluate(state, point).data,
    lambda: point.lambda,
  });
  let x = recorder.start;
  const past = [evaluate(x, problem.grid[0]!)];
  for (const [n, { from, to, h }] of steps.entries()) {
    const left = steps.length - n;
    const current = past[0]!;
    const earlier = past.slice(1, lowerOrderFinal ? Math.min(order, left) : order);
    const z = -h;
    const scale = variant === 'bh1' ? z : Math.expm1(z);
    const base = combine([to.sigma / from.sigma, x], [-to.alpha * Math.expm1(z), current.data]);
    const nodes = earlier.map((output) => (output.lambda - from.lambda) / h);
    const differences = earlier.map((output, m): LinearForm => {
      const r = nodes[m]!;
      return combine([1 / r, output.data], [-1 / r, current.data]);
    });
    const add = (weights: readonly number[], forms: readonly LinearForm[]): LinearForm =>
      combine([1, base], ...forms.map((d, m): [number, LinearForm] => [-to.alpha * scale * weights[m]!, d]));

    const predicted = add(solveRho(nodes, z, scale), differences);
    if (left === 1) {
      x = predicted;
      break;
    }
    const next = evaluate(predicted, to);
    const change = combine([1, next.data], [-1, current.data]);
    x = add(solveRho([...nodes, 1], z, scale), [...differences, change]);
    past.unshift(next);
  }
  return recorder.finish(x);
}

/**
 * Solves Σ_m r_m^{k−1}·ρ_m = b_k, k = 1 … p, with b_k = k!·g_k/B, g_1 = (e^z − 1)/z − 1, g_{k+1} = g_k/z − 1/(k+1)!
 * (Zhao et al. 2023, Theorem 3.1). A single node has the published ½ instead of b_1, like the authors' program.
 */
function solveRho(nodes: readonly number[], z: number, scale: number): number[] {
  if (nodes.length === 1) return [0.5];
  let g = Math.expm1(z) / z - 1;
  let factorial = 1;
  const right = nodes.map((_, i) => {
    factorial *= i + 1;
    const b = (factorial * g) / scale;
    g = g / z - 1 / (factorial * (i + 2));
    return b;
  });
  return solveVandermonde(nodes, right);
}

/** Solves Σ_m nodes_m^k·ρ_m = right_k by Lagrange's basis: ρ_m = Σ_k (coefficient of u^k in ℓ_m)·right_k. */
function solveVandermonde(nodes: readonly number[], right: readonly number[]): number[] {
  return nodes.map((node, m) => {
    let basis = [1];
    for (const [i, other] of nodes.entries()) {
      if (i === m) continue;
      // basis ← basis · (u − other)/(node − other)
      const scale = 1 / (node - other);
      const lower = basis;
      basis = Array.from(
        { length: lower.length + 1 },
        (_, k) => scale * ((lower[k - 1] ?? 0) - other * (lower[k] ?? 0)),
      );
    }
    return basis.reduce((sum, coefficient, k) => sum + coefficient * right[k]!, 0);
  });
}
