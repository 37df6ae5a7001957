import { describe, expect, it } from 'vitest';
import { edm } from '../diffusion/edm';
import { gridPoint, pointAt } from '../diffusion/grid-point';
import { vpLinear } from '../diffusion/vp-linear';
import { tableaus, type ButcherTableau } from './butcher-tableau';
import { ddim } from './ddim';
import { tableProblem } from './linear-form';
import { odeInTime, timeProblem, type TimeProblem } from './ode-in-time';
import { referenceSample } from './reference-sampler';
import { rungeKutta } from './runge-kutta';
import { analyticMixture } from './testing/analytic-mixture';

const methods = Object.entries<ButcherTableau>(tableaus);

/** x = (1 − t)·x₀ + t·ε from pure noise to data. */
const flow = (times: readonly number[]): TimeProblem => ({
  times,
  at: (t) => ({ ...gridPoint(t, 1 - t, t), dAlpha: -1, dSigma: 1 }),
  prediction: 'velocity',
  space: 'flow',
});

describe('Runge–Kutta in the time of the path', () => {
  it.each(methods)('%s: order of accuracy on a Gaussian along a VP path', (_, tableau) => {
    const schedule = vpLinear();
    const gauss = { means: [[0.5, -0.3]], std: [0.4, 0.8] };
    const { at } = analyticMixture(schedule, gauss);
    const [from, to] = [0.5, 0.25];
    const [first, last] = [schedule.at(from), schedule.at(to)];
    const xT = [1.4, -2.2];
    const exact = xT.map((x, i) => {
      const [mean, std] = [gauss.means[0]![i]!, gauss.std[i]!];
      const v = (level: typeof first): number => (level.alpha * std) ** 2 + level.sigma ** 2;
      return last.alpha * mean + Math.sqrt(v(last) / v(first)) * (x - first.alpha * mean);
    });
    const [coarse, fine] = [16, 32].map((steps) => {
      const times = Array.from({ length: steps + 1 }, (_, i) => from + ((to - from) * i) / steps);
      const sampled = referenceSample(at, odeInTime(timeProblem(schedule, times), tableau), xT);
      return Math.max(...exact.map((x, i) => Math.abs(x - sampled[i]!)));
    });
    expect(Math.abs(Math.log2(coarse! / fine!) - tableau.order)).toBeLessThan(0.25);
  });

  it.each(methods)('%s: is the method in σ/α where time is the noise level', (_, tableau) => {
    const schedule = edm(0.1, 10);
    const times = [10, 4, 1, 0.1];
    const ours = odeInTime(timeProblem(schedule, times), tableau);
    const theirs = rungeKutta(tableProblem(schedule, times), {
      tableau,
      between: (lambda) => pointAt(schedule, schedule.timeOfLambda(lambda)),
    });
    ours.start.forEach((value, i) => expect(value).toBeCloseTo(theirs.start[i]!, 11));
    ours.weights.forEach((value, i) => expect(value).toBeCloseTo(theirs.weights[i]!, 11));
  });

  it.each(methods)('%s: a constant velocity is followed exactly from pure noise to data', (_, tableau) => {
    const table = odeInTime(flow([1, 0.6, 0.2, 0]), tableau);
    expect(table.nfe).toBe(2 * tableau.b.length + 1);
    expect(referenceSample(() => Float64Array.of(0.3), table, [2])[0]).toBeCloseTo(1.7, 14);
  });

  it('is DDIM for Euler on a straight path and another method on a VP path', () => {
    const straight = flow([1, 0.6, 0.2, 0]);
    const euler = odeInTime(straight, tableaus.euler);
    const exponential = ddim({ ...straight, grid: straight.times.map(straight.at) });
    euler.weights.forEach((value, i) => expect(value).toBeCloseTo(exponential.weights[i]!, 14));

    const schedule = vpLinear();
    const curved = odeInTime(timeProblem(schedule, [0.5, 0.4]), tableaus.euler);
    const exact = ddim(tableProblem(schedule, [0.5, 0.4]));
    expect(Math.abs(curved.weights[0]! - exact.weights[0]!)).toBeGreaterThan(0.01);
  });
});
