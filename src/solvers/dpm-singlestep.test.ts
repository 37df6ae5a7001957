import { describe, expect, it } from 'vitest';
import { vpLinear } from '../diffusion/vp-linear';
import { edm } from '../diffusion/edm';
import { spacing } from '../diffusion/spacing';
import { ddim } from './ddim';
import { denoiseToZero } from './denoise-to-zero';
import {
  dpmSinglestep,
  fastOrders,
  singlestepGrid,
  type SinglestepOptions,
  type StagePositions,
} from './dpm-singlestep';
import { tableProblem } from './linear-form';
import { referenceSample, referenceTrajectory } from './reference-sampler';
import { analyticMixture } from './testing/analytic-mixture';

const predictions = ['data', 'noise'] as const;
const variants = ['published', 'midpoint', 'taylor'] as const;

describe('order of accuracy on a Gaussian', () => {
  // A gentle range of noise levels, so that the asymptotic regime begins at few steps.
  const schedule = edm(0.2, 2);
  const gauss = { means: [[0.5, -0.3]], std: [0.4, 0.8] };
  const { at } = analyticMixture(schedule, gauss);
  const xT = [1.4, -2.2];
  /** The probability-flow ODE of a Gaussian in closed form: x(σ) = μ + √((s² + σ²)/(s² + σ_T²))·(x_T − μ). */
  const exact = xT.map((x, i) => {
    const [mean, variance] = [gauss.means[0]![i]!, gauss.std[i]! ** 2];
    return mean + Math.sqrt((variance + schedule.tMin ** 2) / (variance + schedule.tMax ** 2)) * (x - mean);
  });

  const observedOrder = (order: number, options: Omit<SinglestepOptions, 'orders'>, positions?: StagePositions) => {
    const [coarse, fine] = [40, 80].map((steps) => {
      const orders = Array.from({ length: steps }, () => order);
      const grid = singlestepGrid(schedule, spacing(schedule, 'logsnr', steps), orders, positions);
      const table = dpmSinglestep({ grid, prediction: 'data', space: schedule.space }, { ...options, orders });
      const sampled = referenceSample(at, table, xT);
      return Math.max(...exact.map((x, i) => Math.abs(x - sampled[i]!)));
    });
    return Math.log2(coarse! / fine!);
  };

  const cases = predictions.flatMap((prediction) =>
    variants.flatMap((variant) => [1, 2, 3].map((order) => ({ order, prediction, variant }))),
  );
  it.each(cases)('$prediction, $variant, order $order', ({ order, prediction, variant }) => {
    expect(Math.abs(observedOrder(order, { prediction, variant }) - order)).toBeLessThan(0.25);
  });

  it('keeps its order with stages elsewhere, 3S as long as r2 is two thirds', () => {
    expect(Math.abs(observedOrder(2, {}, { r1: 0.8 }) - 2)).toBeLessThan(0.25);
    for (const variant of variants) {
      expect(Math.abs(observedOrder(3, { variant }, { r1: 0.5 }) - 3)).toBeLessThan(0.25);
      expect(Math.abs(observedOrder(3, { variant }, { r1: 0.5, r2: 0.9 }) - 2)).toBeLessThan(0.25);
    }
  });
});

describe('exactness', () => {
  const schedule = vpLinear();
  const orders = [3, 2, 1, 3];

  /** x(λ) of dx/dλ for a prediction given as a polynomial in λ, apart from its multiple of the start state. */
  function integral(prediction: 'data' | 'noise', from: number, to: number, power: number): number {
    // ∫ e^{±λ} λ^p dλ by parts.
    const sign = prediction === 'data' ? 1 : -1;
    const primitive = (lambda: number): number => {
      const e = Math.exp(sign * lambda);
      return sign * e * [1, lambda - sign, lambda * lambda - 2 * sign * lambda + 2][power]!;
    };
    return sign * (primitive(to) - primitive(from));
  }

  /** The largest error at any step's end when the model returns λ^power whatever its input is. */
  function errorOn(power: number, prediction: 'data' | 'noise', options: SinglestepOptions): number {
    const times = spacing(schedule, 'logsnr', options.orders.length);
    const grid = singlestepGrid(schedule, times, options.orders, { r1: 0.3 });
    const problem = { grid, prediction, space: schedule.space };
    const table = dpmSinglestep(problem, { ...options, prediction });
    const path = referenceTrajectory((_, __, k) => Float64Array.of(grid[k]!.lambda ** power), table, [0.7]);
    const { alpha, sigma, lambda } = grid[0]!;
    let reached = 0;
    return Math.max(
      ...options.orders.map((order) => {
        const end = grid[(reached += order)]!;
        const [start, scale] = prediction === 'data' ? [sigma, end.sigma] : [alpha, end.alpha];
        const exact = scale * (0.7 / start + integral(prediction, lambda, end.lambda, power));
        return Math.abs(path[reached]![0]! - exact) / Math.max(1, Math.abs(exact));
      }),
    );
  }

  it.each(predictions.flatMap((prediction) => variants.map((variant) => ({ prediction, variant }))))(
    'a constant $prediction prediction is integrated exactly by $variant',
    ({ prediction, variant }) => {
      expect(errorOn(0, prediction, { orders, variant })).toBeLessThan(1e-12);
    },
  );

  it.each(predictions)('the Taylor forms are exact for %s linear in λ, and 3S for it quadratic', (prediction) => {
    expect(errorOn(1, prediction, { orders: [2, 3, 2], variant: 'taylor' })).toBeLessThan(1e-11);
    expect(errorOn(2, prediction, { orders: [3, 3], variant: 'taylor' })).toBeLessThan(1e-11);
    expect(errorOn(1, prediction, { orders: [3, 3] })).toBeLessThan(1e-11);
    expect(errorOn(1, prediction, { orders: [2, 2] })).toBeGreaterThan(1e-3);
  });
});

describe('dpmSinglestep', () => {
  it('of order 1 is DDIM, in data and in noise prediction, to a clean end too', () => {
    const schedule = vpLinear();
    const { grid, ...problem } = tableProblem(schedule, [1, 0.6, 0.2, 0.01], 'noise');
    const clean = { ...problem, grid: [...grid.slice(0, 3), { t: 0, alpha: 1, sigma: 0, lambda: Infinity }] };
    for (const point of [{ ...problem, grid }, clean]) {
      for (const prediction of predictions) {
        const table = dpmSinglestep(point, { orders: [1, 1, 1], prediction });
        const expected = ddim(point);
        expect(table.start.every((s, k) => Math.abs(s / expected.start[k]! - 1) < 1e-12 || s === 0)).toBe(true);
        table.weights.forEach((w, i) => {
          expect(Math.abs(w - expected.weights[i]!)).toBeLessThan(1e-11 * Math.max(...expected.weights.map(Math.abs)));
        });
      }
    }
  });

  it('refuses orders that do not fill the grid and higher orders where λ is infinite', () => {
    const problem = tableProblem(vpLinear(), [1, 0.5, 0.1]);
    expect(() => dpmSinglestep(problem, { orders: [3] })).toThrow(/add up to 3; the grid has 2 intervals/);
    expect(() => dpmSinglestep(problem, { orders: [4, -2] })).toThrow(/orders 1 to 3, got 4/);
    const clean = { ...problem, grid: [...problem.grid.slice(0, 2), { t: 0, alpha: 1, sigma: 0, lambda: Infinity }] };
    expect(() => dpmSinglestep(clean, { orders: [2] })).toThrow(/must be of order 1/);
  });
});

it('splits evaluations into orders as the authors do', () => {
  const split = (order: number): number[][] => [1, 2, 3, 4, 5, 6].map((nfe) => fastOrders(nfe, order));
  expect(split(3)).toEqual([[1], [2], [2, 1], [3, 1], [3, 2], [3, 2, 1]]);
  expect(split(2)).toEqual([[1], [2], [2, 1], [2, 2], [2, 2, 1], [2, 2, 2]]);
  expect(split(1).at(-1)).toEqual([1, 1, 1, 1, 1, 1]);
  expect(() => fastOrders(4, 4)).toThrow(/orders 1 to 3, got 4/);
  expect(() => fastOrders(0, 2)).toThrow(/at least 1, got 0/);
});

it('puts stages at their share of the step in λ and refuses others', () => {
  const schedule = vpLinear();
  const grid = singlestepGrid(schedule, [1, 0.4, 0.01], [3, 2], { r1: 0.25 });
  const shares = [1, 2].map((i) => (grid[i]!.lambda - grid[0]!.lambda) / (grid[3]!.lambda - grid[0]!.lambda));
  expect(shares[0]).toBeCloseTo(0.25, 12);
  expect(shares[1]).toBeCloseTo(2 / 3, 12);
  expect(() => singlestepGrid(schedule, [1, 0.4], [3], { r1: 0.7 })).toThrow(/rise strictly within/);
  expect(() => singlestepGrid(schedule, [1, 0.4], [2], { r1: 1 })).toThrow(/rise strictly within/);
  expect(() => singlestepGrid(schedule, [1, 0.4], [2, 1])).toThrow(/2 steps have 3 ends; got 2 times/);
});

it('denoising to zero is one more step of first order to a clean end', () => {
  const problem = tableProblem(vpLinear(), [1, 0.6, 0.2], 'noise');
  const clean = { t: 0, alpha: 1, sigma: 0, lambda: Infinity };
  const denoised = denoiseToZero(problem, dpmSinglestep(problem, { orders: [2] }), problem.grid[2]!);
  const expected = dpmSinglestep({ ...problem, grid: [...problem.grid, clean] }, { orders: [2, 1] });
  expect(denoised.times).toEqual(expected.times);
  for (const [name, ours] of [
    ['start', denoised.start],
    ['weights', denoised.weights],
  ] as const) {
    ours.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[name][i]!, 11);
    });
  }
});
