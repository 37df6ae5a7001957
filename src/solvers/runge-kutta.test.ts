import { describe, expect, it } from 'vitest';
import { edm } from '../diffusion/edm';
import { gridPoint, pointAt, type GridPoint } from '../diffusion/grid-point';
import type { NoiseSchedule } from '../diffusion/noise-schedule';
import { spacing } from '../diffusion/spacing';
import { vpLinear } from '../diffusion/vp-linear';
import { rk2, rk3, tableaus, type ButcherTableau } from './butcher-tableau';
import { heun } from './heun';
import { tableProblem, type RecordedTable, type TableProblem } from './linear-form';
import { referenceSample } from './reference-sampler';
import { rungeKutta } from './runge-kutta';
import { rowOffset } from './table';
import { analyticMixture } from './testing/analytic-mixture';

const methods = Object.entries<ButcherTableau>({
  ...tableaus,
  'rk2(0.3)': rk2(0.3),
  'rk3(0.3, 0.8)': rk3(0.3, 0.8),
});

const ve = (sigma: number): GridPoint => gridPoint(sigma, 1, sigma);
const veProblem = (sigmas: readonly number[], prediction: 'data' | 'noise'): TableProblem => ({
  grid: sigmas.map(ve),
  prediction,
  space: 've',
});
const betweenVe = (lambda: number): GridPoint => ve(Math.exp(-lambda));
const betweenTimes = (schedule: NoiseSchedule) => (lambda: number) => pointAt(schedule, schedule.timeOfLambda(lambda));

function expectSameTable(ours: RecordedTable, theirs: RecordedTable): void {
  const largest = Math.max(...theirs.start.map(Math.abs), ...theirs.weights.map(Math.abs));
  const distance = (a: Float64Array, b: Float64Array): number =>
    Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
  expect(ours.nfe).toBe(theirs.nfe);
  expect(distance(ours.start, theirs.start)).toBeLessThan(1e-13 * largest);
  expect(distance(ours.weights, theirs.weights)).toBeLessThan(1e-13 * largest);
  expect(distance(ours.times, theirs.times)).toBeLessThan(1e-13);
}

describe('Butcher tableaus', () => {
  it.each(methods)('%s: each row sums to its c', (_, { a, c }) => {
    a.forEach((row, i) => expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(c[i]!, 14));
  });

  it('has the named methods of order 3 in the two-parameter family', () => {
    expect(tableaus.kutta3.b).toEqual([1 / 6, 2 / 3, 1 / 6].map((b) => expect.closeTo(b, 14) as number));
    expect(tableaus.kutta3.a[2]).toEqual([-1, 2]);
    expect(tableaus.ralston3.b).toEqual([2 / 9, 1 / 3, 4 / 9].map((b) => expect.closeTo(b, 14) as number));
    expect(tableaus.ralston3.a[2]).toEqual([0, 3 / 4]);
    expect(tableaus.heun3.b).toEqual([1 / 4, 0, 3 / 4].map((b) => expect.closeTo(b, 14) as number));
  });

  it('refuses stages for which there is no method', () => {
    expect(() => rk2(0)).toThrow('above 0');
    expect(() => rk3(0.5, 0.5)).toThrow('different');
    expect(() => rk3(2 / 3, 1)).toThrow('⅔');
  });
});

describe('Runge–Kutta in σ/α', () => {
  // Not one Gaussian, on which the midpoint method in σ has order 3; and gentle levels, for an early asymptotic regime.
  const gentle = vpLinear({ tMin: 0.25, tMax: 0.5 });
  const { at } = analyticMixture(gentle, { means: [[0.5], [-1]], std: 0.6, weights: [1, 2] });
  const sampleOf = (tableau: ButcherTableau, steps: number): number => {
    const problem = tableProblem(gentle, spacing(gentle, 'logsnr', steps));
    return referenceSample(at, rungeKutta(problem, { tableau, between: betweenTimes(gentle) }), [0.9])[0]!;
  };
  const exact = sampleOf(tableaus.rk4, 640);

  it.each(methods)('%s: order of accuracy on a mixture, in a VP space', (_, tableau) => {
    const [coarse, fine] = [40, 80].map((steps) => Math.abs(sampleOf(tableau, steps) - exact));
    expect(Math.abs(Math.log2(coarse! / fine!) - tableau.order)).toBeLessThan(0.25);
  });

  it.each(methods)('%s: exact for noise that is a polynomial in σ below its order', (_, tableau) => {
    const sigmas = [3, 2, 0.7, 0.2];
    const table = rungeKutta(veProblem(sigmas, 'noise'), { tableau, between: betweenVe });
    for (let k = 0; k < tableau.order; k++) {
      const sampled = referenceSample((_y, sigma) => Float64Array.of(sigma ** k), table, [5]);
      expect(sampled[0]).toBeCloseTo(5 + (0.2 ** (k + 1) - 3 ** (k + 1)) / (k + 1), 12);
    }
  });

  it.each(methods)('%s: a linear ODE gets the Taylor polynomial of its solution', (_, tableau) => {
    // E = a·x with s stages and order s: one step multiplies x by Σ_{k≤s} z^k/k!, z = a·h.
    const z = -0.8;
    const table = rungeKutta(veProblem([2, 1], 'noise'), { tableau, between: betweenVe });
    const sampled = referenceSample((y) => y.map((value) => -z * value), table, [1]);
    const terms = [1, z, z ** 2 / 2, z ** 3 / 6, z ** 4 / 24].slice(0, tableau.order + 1);
    expect(sampled[0]).toBeCloseTo(
      terms.reduce((sum, term) => sum + term, 0),
      14,
    );
  });

  it.each(methods)('%s: a constant denoiser is followed exactly, to σ = 0 as well', (_, tableau) => {
    const schedule = vpLinear();
    const problem = tableProblem(schedule, spacing(schedule, 'logsnr', 3));
    const constant = (): Float64Array => Float64Array.of(0.7);
    const table = rungeKutta(problem, { tableau, between: betweenTimes(schedule) });
    const [first, last] = [problem.grid[0]!, problem.grid.at(-1)!];
    const noise = (2 - first.alpha * 0.7) / first.sigma;
    expect(referenceSample(constant, table, [2])[0]).toBeCloseTo(last.alpha * 0.7 + last.sigma * noise, 11);

    const toZero = rungeKutta(veProblem([80, 3, 0.1, 0], 'data'), { tableau, between: betweenVe });
    expect(toZero.nfe).toBe(2 * tableau.b.length + 1);
    expect(referenceSample(constant, toZero, [2])[0]).toBe(0.7);
  });

  it('is Heun for u = 1, whatever the space and the end', () => {
    const schedule = vpLinear();
    const problem = tableProblem(schedule, spacing(schedule, 'logsnr', 4));
    const options = { tableau: rk2(1), between: betweenTimes(schedule) };
    expectSameTable(rungeKutta(problem, options), heun(problem, 8));
    const toZero = veProblem([80, 3, 0.1, 0], 'data');
    expectSameTable(rungeKutta(toZero, { tableau: rk2(1), between: betweenVe }), heun(toZero, 5));
  });

  it('asks the network between the points of the grid', () => {
    const schedule = edm(0.1, 10);
    const table = rungeKutta(tableProblem(schedule, [10, 4]), {
      tableau: tableaus.midpoint,
      between: betweenTimes(schedule),
    });
    expect(Array.from(table.times)).toEqual([10, expect.closeTo(7, 12)]);
    // The midpoint method uses the second slope alone: x' = x + h·E_1, in data prediction.
    expect(table.weights[rowOffset(1)]! + table.weights[rowOffset(1) + 1]! + table.start[2]!).toBeCloseTo(1, 12);
  });

  it('says that it cannot start without signal', () => {
    const flow = {
      grid: [gridPoint(1, 0, 1), gridPoint(0.5, 0.5, 0.5)],
      prediction: 'velocity',
      space: 'flow',
    } as const;
    expect(() => rungeKutta(flow, { tableau: tableaus.rk4, between: betweenVe })).toThrow('needs signal');
  });
});
