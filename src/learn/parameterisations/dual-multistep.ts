import { adamsBashforth } from '../../solvers/ipndm';
import type { Dual } from '../dual';
import { combineDual, type DualCall, type DualForm, type DualPoint, type DualRecorder } from '../dual-table';
import { expRemainder } from './exp-remainder';

/**
 * Classic multistep methods whose grid moves with θ. The formulas are those of `dpmMultistep`, `unipc` and `ipndm` in the
 * solvers room, where they are explained; here they run on dual numbers and keep `points` (the solver's levels) apart
 * from `calls` (what the model is asked at).
 */
export interface MovingGrid {
  /** N + 1 points from noise to data, all with signal and noise. */
  readonly points: readonly DualPoint[];
  /** Where the model is asked at the N states. */
  readonly calls: readonly DualCall[];
}

/** An output and the λ of the state it was predicted at. */
export interface PastOutput {
  readonly output: DualForm;
  readonly lambda: Dual;
}

/** A coefficient and the form it multiplies. */
export type Term = readonly [coefficient: Dual, form: DualForm];

/** iPNDM in exponential form: x' = (α'/α)·x − σ'·(e^h − 1)·Σ_j w_j·E_j, w the Adams–Bashforth weights. */
export function dualIpndm(recorder: DualRecorder, { points, calls }: MovingGrid, order: number): DualForm {
  const past: DualForm[] = [];
  return calls.reduce<DualForm>((x, call, n) => {
    const [from, to] = [points[n]!, points[n + 1]!];
    past.unshift(recorder.evaluate(x, call).noise);
    past.length = Math.min(past.length, order);
    const weights = adamsBashforth[past.length - 1]!;
    const gain = to.sigma.times(to.lambda.minus(from.lambda).expm1());
    return combineDual(
      [to.alpha.over(from.alpha), x],
      ...past.map((noise, j): Term => [gain.times(-weights[j]!), noise]),
    );
  }, recorder.start);
}

/** DPM-Solver++ multistep, midpoint for order 2 and as published for order 3. */
export function dualDpmpp(recorder: DualRecorder, { points, calls }: MovingGrid, orders: readonly number[]): DualForm {
  const past: PastOutput[] = [];
  return calls.reduce<DualForm>((x, call, n) => {
    past.unshift({ output: recorder.evaluate(x, call).data, lambda: points[n]!.lambda });
    return combineDual(...dpmppTerms(x, past.slice(0, orders[n]), points[n]!, points[n + 1]!));
  }, recorder.start);
}

/**
 * The step of DPM-Solver++ as the terms of its published form, so that corrections can be added to their coefficients:
 * x, X_0, then d_0 (two outputs) or D1 and D2 (three).
 *
 * @param past the step's outputs, newest first, as many as its order
 */
export function dpmppTerms(x: DualForm, past: readonly PastOutput[], from: DualPoint, to: DualPoint): Term[] {
  const [p0, p1, p2] = past;
  const h = to.lambda.minus(from.lambda);
  const z = h.times(-1);
  const gain = to.alpha.times(z.expm1());
  const terms: Term[] = [
    [to.sigma.over(from.sigma), x],
    [gain.times(-1), p0!.output],
  ];
  if (!p1) return terms;
  const r0 = p0!.lambda.minus(p1.lambda).over(h);
  const d0 = difference(p0!.output, p1.output, r0);
  if (!p2) return [...terms, [gain.times(-0.5), d0]];
  const r1 = p1.lambda.minus(p2.lambda).over(h);
  const second = difference(d0, difference(p1.output, p2.output, r1), r0.plus(r1));
  const slope = combineDual([1, d0], [r0, second]);
  const weight = (k: number): Dual => to.alpha.times(z).times(expRemainder(k, z)).times(-1);
  return [...terms, [weight(2), slope], [weight(3), second]];
}

/** UniPC on the data with bh1 or bh2, corrected after every step but the last. */
export function dualUnipc(
  recorder: DualRecorder,
  { points, calls }: MovingGrid,
  orders: readonly number[],
  variant: 'bh1' | 'bh2',
): DualForm {
  let past: PastOutput[] = [{ output: recorder.evaluate(recorder.start, calls[0]!).data, lambda: points[0]!.lambda }];
  let x = recorder.start;
  for (let n = 0; n < calls.length; n++) {
    const [from, to] = [points[n]!, points[n + 1]!];
    const current = past[0]!;
    const earlier = past.slice(1, orders[n]);
    const h = to.lambda.minus(from.lambda);
    const z = h.times(-1);
    const base = combineDual([to.sigma.over(from.sigma), x], [to.alpha.times(z.expm1()).times(-1), current.output]);
    const nodes = earlier.map(({ lambda }) => lambda.minus(from.lambda).over(h));
    const differences = earlier.map(({ output }, m) => difference(output, current.output, nodes[m]!));
    const add = (at: readonly Dual[], forms: readonly DualForm[]): DualForm => {
      const weights = unipcWeights(at, z, variant);
      return combineDual([1, base], ...forms.map((form, m): Term => [to.alpha.times(weights[m]!).times(-1), form]));
    };
    x = add(nodes, differences);
    if (n === calls.length - 1) break;
    const next = recorder.evaluate(x, calls[n + 1]!).data;
    x = add([...nodes, recorder.constant(1)], [...differences, combineDual([1, next], [-1, current.output])]);
    past = [{ output: next, lambda: to.lambda }, ...past];
  }
  return x;
}

/** c with Σ_m r_m^{k−1}·c_m = k!·z·φ_{k+1}(z); half of B(h) where there is one difference only. */
function unipcWeights(nodes: readonly Dual[], z: Dual, variant: 'bh1' | 'bh2'): Dual[] {
  if (nodes.length === 1) return [(variant === 'bh1' ? z : z.expm1()).times(0.5)];
  let factorial = 1;
  const moments = nodes.map((_, i) => z.times(expRemainder(i + 2, z)).times((factorial *= i + 1)));
  return nodes.map((node) => {
    // ℓ_m as coefficients of 1, u, u², …; the weight is ℓ_m with u^{k−1} replaced by the moment k.
    let basis: Dual[] = [node.times(0).plus(1)];
    for (const other of nodes) {
      if (other === node) continue;
      const width = node.minus(other);
      const shifted = basis.map((coefficient) => coefficient.times(other).times(-1).over(width));
      const raised = basis.map((coefficient) => coefficient.over(width));
      basis = [...shifted, raised.at(-1)!].map((value, i) =>
        i > 0 && i < shifted.length ? value.plus(raised[i - 1]!) : value,
      );
    }
    return basis.map((coefficient, k) => coefficient.times(moments[k]!)).reduce((sum, term) => sum.plus(term));
  });
}

/** (a − b)/r. */
function difference(a: DualForm, b: DualForm, r: Dual): DualForm {
  const weight = r.inverse();
  return combineDual([weight, a], [weight.times(-1), b]);
}
