import { descend } from './descend';
import type { NoiseSchedule } from './noise-schedule';

export interface OptimisedTimesOptions {
  /** p of the assumed model error σ^p/α: 1 for pixels, 2 for latents. */
  readonly power?: 1 | 2;
}

/** Multistep windows grow to this many outputs and shrink again at the end. */
const maxOrder = 3;

/**
 * The bound that the optimised time steps of Xue et al. (2024, "Accelerating Diffusion Sampling with Optimized Time
 * Steps", Eq. 4.10) make small. A step from λ_s to λ_{s+1} of the data-prediction multistep method of order
 * k = min(s + 1, 3, N − s) weighs the output at λ_n with w_{s,n} = ∫ e^λ·ℓ_n(λ) dλ, ℓ_n the Lagrange polynomials of its
 * k nodes; the model's error there is taken to be σ_n^p/α_n:
 *
 *     Σ_n (σ_n^p/α_n)·|Σ_s w_{s,n}|
 *
 * With at most 7 steps the first three steps are counted apart, each by the Euclidean norm of its terms, because their
 * cancellation is an accident (the authors' program does so; so do we). Steps of order 1 count by their absolute value.
 *
 * @param lambdas N + 1 rising half log signal-to-noise ratios
 */
export function timeStepBound(lambdas: ArrayLike<number>, power: 1 | 2): number {
  const steps = lambdas.length - 1;
  const apart = steps <= 7 ? 3 : 0;
  const modelError = Array.from(lambdas, (lambda) => {
    const sigma = 1 / Math.sqrt(1 + Math.exp(2 * lambda));
    return sigma ** power * Math.sqrt(1 + Math.exp(-2 * lambda));
  });
  const totals = new Float64Array(steps);
  let bound = 0;
  for (let s = 0; s < steps; s++) {
    const order = Math.min(s + 1, maxOrder, steps - s);
    const nodes = Array.from({ length: order }, (_, j) => s - order + 1 + j);
    const terms = exponentialWeights(
      lambdas[s]!,
      lambdas[s + 1]!,
      nodes.map((n) => lambdas[n]!),
    ).map((weight, j) => weight * modelError[nodes[j]!]!);
    if (order === 1 || s < apart) bound += Math.hypot(...terms);
    else terms.forEach((term, j) => (totals[nodes[j]!] = totals[nodes[j]!]! + term));
  }
  return totals.reduce((sum, total) => sum + Math.abs(total), bound);
}

/**
 * Times for `steps` steps of a data-prediction multistep method that make `timeStepBound` small; they depend on the
 * schedule alone, not on the model. Found by descent from even times and from even λ, as the authors recommend; the lower
 * end counts. (The global minimum of long grids is no use: it lets the terms of bunched steps cancel.) Deterministic.
 *
 * @returns steps + 1 falling times from tMax to tMin
 * @throws RangeError when steps is not a whole number of at least 1
 */
export function optimisedTimes(
  schedule: NoiseSchedule,
  steps: number,
  options: OptimisedTimesOptions = {},
): Float64Array {
  if (!(Number.isInteger(steps) && steps >= 1)) {
    throw new RangeError(`A grid needs a whole number of steps, got ${steps}.`);
  }
  const { power = schedule.space === 've' ? 1 : 2 } = options;
  const { tMin, tMax } = schedule;
  const [from, to] = [schedule.lambda(tMax), schedule.lambda(tMin)];
  const bound = (inner: Float64Array): number => {
    const lambdas = [from, ...inner, to];
    const rising = lambdas.every((lambda, i) => i === 0 || lambda > lambdas[i - 1]!);
    return rising ? timeStepBound(lambdas, power) : Infinity;
  };
  const fractions = Float64Array.from({ length: steps - 1 }, (_, i) => (i + 1) / steps);
  const evenTimes = fractions.map((fraction) => schedule.lambda(schedule.gridTime(fraction)));
  const evenLambdas = fractions.map((fraction) => from + (to - from) * fraction);
  const [a, b] = [descend(bound, evenTimes), descend(bound, evenLambdas)];
  const best = b.value < a.value ? b : a;
  return Float64Array.from([tMax, ...best.at.map((lambda) => schedule.timeOfLambda(lambda)), tMin]);
}

/** ∫_{from}^{to} e^λ·ℓ_j(λ) dλ for the Lagrange polynomials ℓ_j of the nodes. */
function exponentialWeights(from: number, to: number, nodes: readonly number[]): number[] {
  const moments = exponentialMoments(to - from, nodes.length);
  return nodes.map((node, j) => {
    // ℓ_j as a polynomial in u = λ − from
    let polynomial = [1];
    nodes.forEach((other, i) => {
      if (i === j) return;
      const scale = 1 / (node - other);
      const lower = polynomial;
      polynomial = Array.from(
        { length: lower.length + 1 },
        (_, k) => scale * ((lower[k - 1] ?? 0) - (other - from) * (lower[k] ?? 0)),
      );
    });
    return Math.exp(from) * polynomial.reduce((sum, coefficient, k) => sum + coefficient * moments[k]!, 0);
  });
}

/** ∫_0^h e^u·u^k du for k below `count`: the series for short steps, where m_k = h^k·e^h − k·m_{k−1} cancels. */
function exponentialMoments(h: number, count: number): number[] {
  const moments: number[] = [];
  for (let k = 0; k < count; k++) {
    if (Math.abs(h) > 1) {
      moments.push(k === 0 ? Math.expm1(h) : h ** k * Math.exp(h) - k * moments[k - 1]!);
      continue;
    }
    let [sum, term] = [0, h ** (k + 1)];
    for (let i = 0; i < 20; i++) {
      sum += term / (k + 1 + i);
      term *= h / (i + 1);
    }
    moments.push(sum);
  }
  return moments;
}
