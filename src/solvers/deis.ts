import type { GridPoint } from '../diffusion/grid-point';
import { interpolate, type NoiseSchedule } from '../diffusion/noise-schedule';
import { exponentialMoments, integrate, lagrangeIntegrals } from './lagrange';
import type { RecordedTable, TableProblem } from './linear-form';
import { finiteNodes, noiseMultistep, veSigma, type MultistepWindow, type StepShares } from './noise-multistep';

export interface DeisOptions extends MultistepWindow {
  /**
   * What the predicted noise is a polynomial in: log σ̂ ("log-rho"), as diffusers has it, or the time of a
   * variance-preserving schedule ("tAB"). The third variant, σ̂ itself ("ρAB"), is `lms`.
   */
  readonly variable: 'log-rho' | { readonly timeOf: NoiseSchedule; readonly quadrature?: 'exact' | EvenSum };
}

/** The sum of the integrand at even times, both ends included, times the step over their number. */
export interface EvenSum {
  readonly points: number;
}

/**
 * DEIS (Zhang & Chen 2023): the predicted noise is replaced by the polynomial through its last p values, in a variable
 * u of one's choice, and integrated exactly. In VE scaling, x̂ = x/α and σ̂ = σ/α:
 *
 *     x̂' = x̂ + Σ_j E_j·∫_{σ̂}^{σ̂'} ℓ_j(u(s)) ds          ℓ_j the Lagrange polynomials of the last p values of u
 *
 * Orders 1 to 4 in the sense of `lms`; one evaluation a step. The diff-sampler toolbox (Zhou et al. 2024) sums 10 000 values
 * of the integrand of tAB instead, which is off by up to 5e-5; `quadrature` reproduces it.
 */
export function deis(problem: TableProblem, options: DeisOptions): RecordedTable {
  const { order, variable } = options;
  if (![1, 2, 3, 4].includes(order)) throw new RangeError(`DEIS has orders 1 to 4, got ${order}.`);
  return noiseMultistep(problem, options, variable === 'log-rho' ? logRhoShares : timeShares(variable));
}

/** u = −λ: ∫ ℓ_j ds = σ̂·∫_0^{−h} ℓ_j(v)·e^v dv with v = log(s/σ̂), over the step σ̂' − σ̂ = σ̂·(e^{−h} − 1). */
const logRhoShares: StepShares = (all, to) => {
  const nodes = finiteNodes(all);
  const { lambda } = nodes[0]!;
  const length = lambda - to.lambda;
  // A step of no length moves nothing, whatever its weights.
  if (length === 0) return [1];
  const moments = exponentialMoments(length, nodes.length);
  return lagrangeIntegrals(
    nodes.map((node) => lambda - node.lambda),
    moments.map((moment) => moment / moments[0]!),
  );
};

function timeShares(variable: Exclude<DeisOptions['variable'], 'log-rho'>): StepShares {
  const { timeOf: schedule, quadrature = 'exact' } = variable;
  return (all, to) => {
    const nodes = finiteNodes(all);
    const from = nodes[0]!;
    const length = veSigma(to) - veSigma(from);
    // A single output is taken as it is, so that order 1 is DDIM whatever the quadrature.
    if (length === 0 || nodes.length === 1) return [1];
    const start = schedule.timeOfLambda(from.lambda);
    const moment =
      quadrature === 'exact'
        ? (k: number) => exactMoment(schedule, from, to, (t) => (t - start) ** k)
        : (k: number) => summedMoment(schedule, start, schedule.timeOfLambda(to.lambda), quadrature, k);
    return lagrangeIntegrals(
      nodes.map((node) => schedule.timeOfLambda(node.lambda) - start),
      nodes.map((_, k) => moment(k) / length),
    );
  };
}

/** e^{−40} is below the rounding of 1: how far the integral to σ̂' = 0 must go in λ. */
const farEnough = 40;

/** ∫_{σ̂}^{σ̂'} f(t(s)) ds, by Gauss–Legendre in λ = −log s, where a schedule's time is smooth. */
function exactMoment(schedule: NoiseSchedule, from: GridPoint, to: GridPoint, f: (t: number) => number): number {
  const end = Math.min(to.lambda, from.lambda + farEnough);
  return integrate((lambda) => -Math.exp(-lambda) * f(schedule.timeOfLambda(lambda)), from.lambda, end, 1);
}

function summedMoment(schedule: NoiseSchedule, start: number, end: number, { points }: EvenSum, k: number): number {
  let sum = 0;
  for (let i = 0; i < points; i++) {
    const t = interpolate(start, end, i / (points - 1));
    const { alpha, sigma, dAlpha, dSigma } = schedule.at(t);
    // dσ̂/dt
    sum += ((dSigma * alpha - sigma * dAlpha) / (alpha * alpha)) * (t - start) ** k;
  }
  return (sum * (end - start)) / points;
}
