import { describe, expect, it } from 'vitest';
import { edm } from '../diffusion/edm';
import { cleanPoint, gridPoint, type GridPoint } from '../diffusion/grid-point';
import { ddim } from './ddim';
import { dpmMultistep, type DpmMultistepOptions } from './dpm-multistep';
import { tableProblem, type TableProblem } from './linear-form';
import { referenceSample, referenceTrajectory } from './reference-sampler';
import { analyticMixture } from './testing/analytic-mixture';

/** A variance-preserving point by its λ. */
const vp = (lambda: number): GridPoint =>
  gridPoint(lambda, 1 / Math.sqrt(1 + Math.exp(-2 * lambda)), 1 / Math.sqrt(1 + Math.exp(2 * lambda)));
const uneven = [-3, -2.2, -1.9, -0.7, 0.4, 0.9, 2.1].map(vp);

const forms: readonly DpmMultistepOptions[] = (['midpoint', 'heun'] as const).flatMap((variant) =>
  [1, 2, 3].flatMap((order) =>
    (['published', 'exact'] as const).map((thirdOrder) => ({ order, variant, thirdOrder, lowerOrderFinal: false })),
  ),
);

describe.each(['data', 'noise'] as const)('DPM-Solver on %s', (prediction) => {
  const problem = (grid: readonly GridPoint[]): TableProblem => ({ grid, prediction, space: 'vp' });

  it('is exact for a constant output, with and without a clean end', () => {
    for (const grid of [uneven, [...uneven, cleanPoint]]) {
      const [first, last] = [grid[0]!, grid.at(-1)!];
      const [kept, driven] = prediction === 'data' ? (['sigma', 'alpha'] as const) : (['alpha', 'sigma'] as const);
      const ratio = last[kept] / first[kept];
      for (const options of forms) {
        const table = dpmMultistep(problem(grid), { ...options, prediction });
        const sample = referenceSample(() => Float64Array.of(0.6), table, [1.7]);
        expect(sample[0]).toBeCloseTo(1.7 * ratio + 0.6 * (last[driven] - ratio * first[driven]), 11);
      }
    }
  });

  // x/σ − ∫e^λ·X dλ on data and x/α + ∫e^{−λ}·E dλ on noise stay as they are on the exact solution.
  it.each<[string, number, DpmMultistepOptions]>([
    ['2M, heun', 1, { order: 2, variant: 'heun' }],
    ['3M, heun', 1, { order: 3, variant: 'heun' }],
    ['3M, exact', 2, { order: 3, thirdOrder: 'exact' }],
  ])('%s: every full step is exact for an output of degree %d in λ', (_, degree, options) => {
    const sign = prediction === 'data' ? 1 : -1;
    const table = dpmMultistep(problem(uneven), { lowerOrderFinal: false, prediction, ...options });
    const states = referenceTrajectory((_y, lambda) => [lambda ** degree], table, [1.7]);
    const invariants = states.map((y, i) => {
      const { alpha, sigma, lambda } = uneven[i]!;
      const integral = degree === 1 ? lambda - sign : lambda ** 2 - sign * 2 * lambda + 2;
      return y[0]! / (sign === 1 ? sigma : alpha) - Math.exp(sign * lambda) * integral;
    });
    // The first steps, with less than the full window, are not.
    expect(Math.abs(invariants[1]! - invariants[0]!)).toBeGreaterThan(1e-3);
    for (const invariant of invariants.slice(degree)) expect(invariant / invariants[degree]!).toBeCloseTo(1, 11);
  });

  it.each<[string, number, DpmMultistepOptions]>([
    ['1M', 1, { order: 1 }],
    ['2M', 2, { order: 2 }],
    ['2M, taylor', 2, { order: 2, variant: 'taylor' }],
    ['3M as published', 2, { order: 3 }],
    ['3M, exact', 3, { order: 3, thirdOrder: 'exact' }],
  ])('%s converges with order %d', (_, order, options) => {
    // The first steps are of lower order, so they are made short: λ is quadratic in the index.
    const schedule = edm(0.2, 2);
    const { at } = analyticMixture(schedule, { means: [[0.5, -0.3]], std: [0.4, 0.8] });
    const xT = [1.4, -2.2];
    const error = (steps: number): number => {
      const times = Array.from({ length: steps + 1 }, (__, i) => 2 * (0.2 / 2) ** ((i / steps) ** 2));
      const sampled = referenceSample(at, dpmMultistep(tableProblem(schedule, times), { ...options, prediction }), xT);
      // The probability-flow ODE of a Gaussian: x(σ) = μ + √((s² + σ²)/(s² + σ_T²))·(x_T − μ).
      const exact = [
        0.5 + Math.sqrt((0.16 + 0.04) / (0.16 + 4)) * (xT[0]! - 0.5),
        -0.3 + Math.sqrt((0.64 + 0.04) / (0.64 + 4)) * (xT[1]! + 0.3),
      ];
      return Math.max(...exact.map((x, i) => Math.abs(x - sampled[i]!)));
    };
    expect(Math.abs(Math.log2(error(160) / error(320)) - order)).toBeLessThan(0.25);
  });
});

describe('the ends of a grid', () => {
  const rows = ({ start, weights }: { start: Float64Array; weights: Float64Array }): number[] => [...start, ...weights];

  it('makes 1M the DDIM step on data and on noise, also to clean data', () => {
    const problem: TableProblem = { grid: [...uneven, cleanPoint], prediction: 'noise', space: 'vp' };
    for (const prediction of ['data', 'noise'] as const) {
      const table = rows(dpmMultistep(problem, { order: 1, prediction }));
      rows(ddim(problem)).forEach((value, i) => expect(table[i]).toBeCloseTo(value, 10));
    }
  });

  it('starts from pure noise with order 1 and knows no slope from there', () => {
    const flow = (sigma: number): GridPoint => gridPoint(sigma, 1 - sigma, sigma);
    const problem = (sigmas: readonly number[]): TableProblem => ({
      grid: sigmas.map(flow),
      prediction: 'velocity',
      space: 'flow',
    });
    const all = problem([1, 0.7, 0.4, 0]);
    const table = dpmMultistep(all, { order: 2, lowerOrderFinal: false });
    // Second row: a first-order step, although an earlier output is there; last row: likewise, to σ = 0.
    expect(rows(table)).toEqual(rows(dpmMultistep(all, { order: 1 })));
    // With one more step, the third has a slope and no second difference.
    const longer = problem([1, 0.7, 0.4, 0.2, 0]);
    expect(rows(dpmMultistep(longer, { order: 3, lowerOrderFinal: false }))).toEqual(
      rows(dpmMultistep(longer, { order: [1, 1, 2, 1], variant: 'heun' })),
    );
    expect(() => dpmMultistep(all, { order: 2, prediction: 'noise' })).toThrow('cannot start where alpha is 0');
  });

  it('changes nothing in a step of no length', () => {
    const problem: TableProblem = { grid: [...uneven, uneven.at(-1)!], prediction: 'data', space: 'vp' };
    const table = dpmMultistep(problem, { order: 3, variant: 'heun', lowerOrderFinal: false });
    const shorter = dpmMultistep({ ...problem, grid: uneven }, { order: 3, variant: 'heun', lowerOrderFinal: false });
    expect(table.start.at(-1)).toBe(shorter.start.at(-1));
    expect([...table.weights.slice(-7)]).toEqual([...shorter.weights.slice(-6), 0]);
  });
});

describe('the order of each step', () => {
  const weights = (options: DpmMultistepOptions): Float64Array =>
    dpmMultistep({ grid: uneven, prediction: 'data', space: 'vp' }, options).weights;

  it('can be a list', () => {
    expect(weights({ order: [1, 2, 3, 3, 2, 1] })).toEqual(weights({ order: 3, lowerOrderFinal: true }));
    expect(weights({ order: [3, 3, 3, 3, 3, 1] })).toEqual(
      weights({ order: 3, lowerOrderFinal: false, eulerAtFinal: true }),
    );
    expect(weights({ order: [1, 1, 1, 1, 1, 1] })).toEqual(weights({ order: 1 }));
  });

  it('must be there for every step and be 1 to 3', () => {
    expect(() => weights({ order: [1, 2] })).toThrow('an order for each of its 6 steps, got 2');
    expect(() => weights({ order: 4, prediction: 'noise' })).toThrow('DPM-Solver multistep has orders 1 to 3, got 4');
  });
});
