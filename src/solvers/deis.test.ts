import { describe, expect, it } from 'vitest';
import { edm } from '../diffusion/edm';
import { cleanPoint, pointAt, type GridPoint } from '../diffusion/grid-point';
import type { NoiseSchedule } from '../diffusion/noise-schedule';
import { spacing } from '../diffusion/spacing';
import { vpLinear } from '../diffusion/vp-linear';
import { deis } from './deis';
import { tableProblem, type RecordedTable, type TableProblem } from './linear-form';
import { lms } from './lms';
import { referenceSample, referenceTrajectory } from './reference-sampler';
import { analyticMixture } from './testing/analytic-mixture';

const schedule = vpLinear();
const times = [1, 0.83, 0.5, 0.31, 0.3, 0.07, 0.001];
const points = times.map((t) => pointAt(schedule, t));

/** σ̂ as a function of the time. */
function sigmaAt(t: number): number {
  const { alpha, sigma } = schedule.at(t);
  return sigma / alpha;
}

/** ∫ t^k dσ̂ between two times by parts, [t^k·σ̂] − ∫ k·t^{k−1}·σ̂ dt, with Simpson's rule. */
function timeIntegral(k: number, from: number, to: number): number {
  const n = 20_000;
  const f = (t: number): number => (k === 0 ? 0 : k * t ** (k - 1) * sigmaAt(t));
  let sum = 0;
  for (let i = 0; i <= n; i++) {
    sum += (i === 0 || i === n ? 1 : i % 2 === 1 ? 4 : 2) * f(from + ((to - from) * i) / n);
  }
  return to ** k * sigmaAt(to) - from ** k * sigmaAt(from) - (sum * (to - from)) / n / 3;
}

/** ∫ (log s)^k ds is s·F_k(log s), with F_k = L^k − k·F_{k−1}. */
function logPrimitive(k: number, s: number): number {
  if (s === 0) return 0;
  const inner = (j: number): number => (j === 0 ? 1 : Math.log(s) ** j - j * inner(j - 1));
  return s * inner(k);
}

interface Variant {
  readonly method: (problem: TableProblem, order: number) => RecordedTable;
  /** The variable a noise prediction is a polynomial in. */
  readonly variable: (point: GridPoint) => number;
  /** ∫ u^k dσ̂ over a step. */
  readonly integral: (k: number, from: GridPoint, to: GridPoint) => number;
}

const variants: Record<string, Variant> = {
  'LMS, σ̂': {
    method: (problem, order) => lms(problem, { order }),
    variable: ({ alpha, sigma }) => sigma / alpha,
    integral: (k, from, to) => ((to.sigma / to.alpha) ** (k + 1) - (from.sigma / from.alpha) ** (k + 1)) / (k + 1),
  },
  'DEIS, log σ̂': {
    method: (problem, order) => deis(problem, { order, variable: 'log-rho' }),
    variable: ({ lambda }) => -lambda,
    integral: (k, from, to) => logPrimitive(k, to.sigma / to.alpha) - logPrimitive(k, from.sigma / from.alpha),
  },
  'DEIS, time': {
    method: (problem, order) => deis(problem, { order, variable: { timeOf: schedule } }),
    variable: ({ t }) => t,
    integral: (k, from, to) => timeIntegral(k, from.t, to.t),
  },
};

describe.each(Object.entries(variants))('%s', (name, { method, variable, integral }) => {
  // The time's integral to σ̂ = 0 has no such reference: Simpson's rule meets a root at t = 0.
  const ends = name === 'DEIS, time' ? [points] : [points, [...points, cleanPoint]];

  it.each([1, 2, 3, 4])('of order %d makes full steps that are exact for polynomials of degree order − 1', (order) => {
    for (const grid of ends) {
      const table = method({ grid, prediction: 'noise', space: 'vp' }, order);
      for (let k = 0; k < order; k++) {
        const states = referenceTrajectory((_, __, n) => [variable(grid[n]!) ** k], table, [1]);
        for (let n = order - 1; n < table.nfe; n++) {
          const [from, to] = [grid[n]!, grid[n + 1]!];
          const moved = states[n + 1]![0]! / to.alpha - states[n]![0]! / from.alpha;
          const size = Math.abs(states[n]![0]! / from.alpha) + Math.abs(integral(k, from, to));
          expect(Math.abs(moved - integral(k, from, to))).toBeLessThan(1e-10 * size);
        }
      }
    }
  });
});

describe('order of accuracy from EDM’s highest noise level', () => {
  const edmSchedule = edm(0.002, 80);
  const gauss = { means: [[0.5, -0.3]], std: [0.4, 0.8] };
  const { at } = analyticMixture(edmSchedule, gauss);
  const xT = [55, -110];
  const exact = xT.map((x, i) => {
    const [mean, variance] = [gauss.means[0]![i]!, gauss.std[i]! ** 2];
    return mean + Math.sqrt((variance + 0.002 ** 2) / (variance + 80 ** 2)) * (x - mean);
  });

  const methods: [string, (problem: TableProblem, order: number) => RecordedTable][] = [
    ['LMS', (problem, order) => lms(problem, { order })],
    ['tAB-DEIS', (problem, order) => deis(problem, { order, variable: { timeOf: schedule } })],
  ];
  it.each(methods.flatMap(([name, method]) => [2, 3, 4].map((order) => [name, order, method] as const)))(
    '%s-%d',
    (_, order, method) => {
      const [coarse, fine] = [80, 160].map((steps) => {
        const problem = tableProblem(edmSchedule, spacing(edmSchedule, 'karras', steps));
        const sampled = referenceSample(at, method(problem, order), xT);
        return Math.max(...exact.map((x, i) => Math.abs(x - sampled[i]!)));
      });
      expect(Math.abs(Math.log2(coarse! / fine!) - order)).toBeLessThan(0.25);
    },
  );
});

describe('a start without signal', () => {
  const flow = [1, 0.7, 0.4, 0.1].map((s) => ({ t: s, alpha: 1 - s, sigma: s, lambda: Math.log((1 - s) / s) }));
  const problem: TableProblem = { grid: flow, prediction: 'velocity', space: 'flow' };

  it.each([
    ['LMS', lms(problem, { order: 3 })],
    ['DEIS', deis(problem, { order: 3, variable: 'log-rho' })],
  ])('makes the first step of %s one of order 1 in the flow', (_, table) => {
    expect(table.start[1]).toBeCloseTo(1, 14);
    expect(table.weights[0]).toBeCloseTo(-0.3, 14);
  });
});

describe('the toolbox quadrature of tAB-DEIS', () => {
  const table = (quadrature: 'exact' | { points: number }, timeOf: NoiseSchedule = schedule): RecordedTable =>
    deis({ grid: points, prediction: 'noise', space: 'vp' }, { order: 3, variable: { timeOf, quadrature } });
  const distance = (a: RecordedTable, b: RecordedTable): number =>
    Math.max(...a.weights.map((w, i) => Math.abs(w - b.weights[i]!)));

  it('nears the exact integrals in proportion to the number of points', () => {
    const exact = table('exact');
    const ratio = distance(table({ points: 1000 }), exact) / distance(table({ points: 10_000 }), exact);
    expect(ratio).toBeGreaterThan(8);
    expect(ratio).toBeLessThan(12);
  });
});
