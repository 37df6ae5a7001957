import { describe, expect, it } from 'vitest';
import { edm } from '../diffusion/edm';
import { pointAt } from '../diffusion/grid-point';
import { spacing } from '../diffusion/spacing';
import { ddim } from './ddim';
import { dpmSolverV3, type DpmSolverV3Options } from './dpm-solver-v3';
import type { ModelStatistics } from './model-statistics';
import { tableProblem, type TableProblem } from './linear-form';
import { referenceSample } from './reference-sampler';
import { rowOffset } from './table';
import { analyticMixture } from './testing/analytic-mixture';

const schedule = edm(0.2, 2);
const gauss = { means: [[0.5, -0.3]], std: [0.4, 0.8] };
const { at } = analyticMixture(schedule, gauss);
const xT = [1.4, -2.2];

/** The probability-flow ODE of a Gaussian in closed form: x(σ) = μ + √((s² + σ²)/(s² + σ_T²))·(x_T − μ). */
const exact = xT.map((x, i) => {
  const [mean, variance] = [gauss.means[0]![i]!, gauss.std[i]! ** 2];
  return mean + Math.sqrt((variance + schedule.tMin ** 2) / (variance + schedule.tMax ** 2)) * (x - mean);
});

type Statistic = (lambda: number, element: number) => number;

/** Statistics of the schedule for two elements, fine enough for the trapezoid sums not to be seen. */
function statistics(steps: number, l: Statistic, s: Statistic, b: Statistic): ModelStatistics {
  const [from, to] = [schedule.lambda(schedule.tMax), schedule.lambda(schedule.tMin)];
  const lambda = Float64Array.from({ length: steps + 1 }, (_, i) => from + ((to - from) * i) / steps);
  const flat = (value: Statistic): Float64Array =>
    Float64Array.from({ length: 2 * lambda.length }, (_, i) => value(lambda[i >> 1]!, i % 2));
  return { lambda, l: flat(l), s: flat(s), b: flat(b) };
}

const problem = (steps: number): TableProblem => tableProblem(schedule, spacing(schedule, 'logsnr', steps));
const errorOf = (on: TableProblem, known: ModelStatistics, options: DpmSolverV3Options): number => {
  const sampled = referenceSample(at, dpmSolverV3(on, known, options), xT);
  return Math.max(...exact.map((x, i) => Math.abs(x - sampled[i]!)));
};

const zero: Statistic = () => 0;
/** σε = (σ²/(s² + σ²))·(x − μ): with this l, f depends on λ only. */
const l: Statistic = (lambda, i) => 1 / (1 + gauss.std[i]! ** 2 * Math.exp(2 * lambda));
/** f' for f = −l·μ. */
const slopeOfF: Statistic = (lambda, i) => 2 * l(lambda, i) * (1 - l(lambda, i)) * gauss.means[0]![i]!;

describe('DPM-Solver-v3', () => {
  it('is exact for a Gaussian whose statistics it knows, up to its trapezoid sums', () => {
    const options = { order: 1, corrector: false } as const;
    const coarse = errorOf(problem(2), statistics(400, l, zero, slopeOfF), options);
    const fine = errorOf(problem(2), statistics(800, l, zero, slopeOfF), options);
    expect(fine).toBeLessThan(1e-6);
    expect(coarse / fine).toBeCloseTo(4, 1);
    // The same f' as a share of f: f' = s·f.
    const growth: Statistic = (lambda, i) => -2 * (1 - l(lambda, i));
    expect(errorOf(problem(2), statistics(800, l, growth, zero), options)).toBeLessThan(1e-6);
  });

  it.each<[number, DpmSolverV3Options]>([
    [1, { order: 1, corrector: false }],
    [2, { order: 2, corrector: false }],
    [3, { order: 3, corrector: false, lowerOrderFinal: false }],
    [2, { order: 2 }],
    [3, { order: 3, lowerOrderFinal: false }],
  ])('has order %d with %o', (order, options) => {
    const known = statistics(
      8000,
      (lambda, i) => 0.6 - (0.2 + 0.1 * i) * lambda,
      (_, i) => 0.2 - 0.5 * i,
      (lambda, i) => 0.1 * lambda + 0.2 * i,
    );
    // The first step, of order 1, is made as short as the square of the others, or no method had more than order 2.
    const [coarse, fine] = [40, 80].map((steps) => {
      const first = 6400 / steps ** 2;
      const nodes = [0, first, ...Array.from({ length: steps }, (_, n) => ((n + 1) * 8000) / steps)];
      const grid = nodes.map((i) => pointAt(schedule, Math.exp(-known.lambda[i]!)));
      return errorOf({ ...problem(steps), grid }, known, options);
    });
    expect(Math.abs(Math.log2(coarse! / fine!) - order)).toBeLessThan(0.3);
  });

  it('is DDIM at order 1 without statistics, up to its trapezoid sums', () => {
    const table = dpmSolverV3(
      problem(4),
      statistics(4000, () => 1, zero, zero),
      { order: 1 },
    );
    const plain = ddim(problem(4));
    expect(table.width).toBeUndefined();
    expect(table.offset).toBeUndefined();
    plain.weights.forEach((weight, i) => expect(table.weights[i]).toBeCloseTo(weight, 6));
    plain.start.forEach((weight, i) => expect(table.start[i]).toBeCloseTo(weight, 6));
  });

  it('gives every element the numbers of its own statistics', () => {
    const both = statistics(40, l, zero, slopeOfF);
    const options = { order: 3, predictorPseudo: true, correctorPseudo: true };
    const table = dpmSolverV3(problem(5), both, options);
    expect(table.width).toBe(2);
    for (const element of [0, 1]) {
      const of = (values: ArrayLike<number>): Float64Array =>
        Float64Array.from(both.lambda, (_, i) => values[2 * i + element]!);
      const own = { lambda: both.lambda, l: of(both.l), s: of(both.s), b: of(both.b) };
      const scalar = dpmSolverV3(problem(5), own, options);
      const part = (values: Float64Array): Float64Array => values.filter((_, i) => i % 2 === element);
      expect(part(table.start)).toEqual(scalar.start);
      expect(part(table.weights)).toEqual(scalar.weights);
      expect(part(table.offset!)).toEqual(scalar.offset);
    }
  });

  it('corrects in the noisier half of the time only, when told so', () => {
    const known = statistics(36, l, zero, zero);
    const times = Array.from(known.lambda, (lambda) => Math.exp(-lambda));
    // The corrections are made at the second to fifth time; half of the first time is 1.
    const grid = [0, 6, 10, 18, 26, 36].map((i) => pointAt(schedule, times[i]!));
    expect(grid.filter(({ t }) => t > 1).length).toBe(3);
    const table = (options: object) =>
      dpmSolverV3({ ...problem(5), grid }, known, { order: 2, lowerOrderFinal: false, ...options });
    const [full, half, none] = [table({}), table({ halfCorrector: true }), table({ corrector: false })];
    const row = (k: number, { weights }: { weights: Float64Array }) =>
      weights.subarray(rowOffset(k) * 2, rowOffset(k + 1) * 2);
    expect(row(2, half)).toEqual(row(2, full));
    expect(row(2, half)).not.toEqual(row(2, none));
    expect(row(3, half)).not.toEqual(row(3, full));
  });

  it('says what it cannot use', () => {
    const known = statistics(40, l, zero, zero);
    expect(() => dpmSolverV3(problem(4), known, { order: 4 })).toThrow('orders 1 to 3, got 4');
    expect(() => dpmSolverV3(problem(7), known, { order: 1 })).toThrow('is not on the grid of the model statistics');
    const short = { ...known, s: new Float64Array(41) };
    expect(() => dpmSolverV3(problem(4), short, { order: 1 })).toThrow('got 82, 41 and 82 numbers');
    const flat = { ...known, lambda: new Float64Array(41) };
    expect(() => dpmSolverV3(problem(4), flat, { order: 1 })).toThrow('finite numbers that rise');
  });
});
