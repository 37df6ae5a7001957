import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { edm } from '../../diffusion/edm';
import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import { rectifiedFlow } from '../../diffusion/rectified-flow';
import { vpLinear } from '../../diffusion/vp-linear';
import { analyticFirstStep } from '../../solvers/analytic-first-step';
import { ipndm } from '../../solvers/ipndm';
import { tableProblem } from '../../solvers/linear-form';
import { tableEntries } from '../../solvers/table';
import { noiseOf, pullbackError, tableDistance } from '../testing/check-parameterisation';
import { dyweight } from './dyweight';

const schedules = { vp: vpLinear(), edm: edm(0.002, 80), flow: rectifiedFlow(1, 1000) };
const analytic = { analyticFirstStep: { weight: 1 } };

/** N + 1 times even in λ, away from the ends by a share of the range. */
function innerTimes(schedule: NoiseSchedule, n: number, away = 0.1): number[] {
  const [from, to] = [schedule.lambda(schedule.tMax), schedule.lambda(schedule.tMin)];
  return Array.from({ length: n + 1 }, (_, i) =>
    schedule.timeOfLambda(from + (to - from) * (away + ((1 - 2 * away) * i) / n)),
  );
}

describe('DyWeight', () => {
  it('starts at iPNDM, with and without an analytic first step', () => {
    for (const schedule of Object.values(schedules)) {
      for (const prediction of ['data', 'noise'] as const) {
        for (const [n, window] of [
          [2, 3],
          [4, 1],
          [6, 3],
          [8, 4],
        ] as const) {
          const grid = innerTimes(schedule, n);
          const problem = tableProblem(schedule, grid, prediction);
          const classic = ipndm(problem, window);
          const p = dyweight(schedule, grid, { window, prediction });
          expect(tableDistance(p.table(p.initial), classic)).toBeLessThan(1e-12);

          const { table, scale } = analyticFirstStep(classic, problem);
          const q = dyweight(schedule, grid, { window, prediction, ...analytic });
          const started = q.table(q.initial);
          expect(started.start[0]).toBeCloseTo(scale, 13);
          const unscaled = { ...started, start: started.start.map((value) => value / started.start[0]!) };
          expect(tableDistance(unscaled, table)).toBeLessThan(1e-12);
        }
      }
    }
  });

  it('learns Σ min(i + 1, K) weights and a scale for each evaluation', () => {
    const grid = innerTimes(schedules.edm, 5);
    expect(dyweight(schedules.edm, grid).size).toBe(1 + 2 + 3 + 3 + 3 + 5);
    expect(dyweight(schedules.edm, grid, analytic).size).toBe(2 + 3 + 3 + 3 + 4);
  });

  it('has the derivative of its table', () => {
    fc.assert(
      fc.property(
        fc.record({
          afs: fc.boolean(),
          space: fc.constantFrom('vp' as const, 'edm' as const, 'flow' as const),
          prediction: fc.constantFrom('data' as const, 'noise' as const),
          n: fc.integer({ min: 2, max: 6 }),
          window: fc.integer({ min: 1, max: 6 }),
          seed: fc.nat(),
        }),
        ({ afs, space, prediction, n, window, seed }) => {
          const schedule = schedules[space];
          const p = dyweight(schedule, innerTimes(schedule, n, 0.3), { window, prediction, ...(afs ? analytic : {}) });
          const moves = noiseOf(seed, p.size);
          // A weight moves the tracked level by a share of the level before: small moves and steps, for levels near 0 bend.
          const theta = p.initial.map((value, i) => value + 0.002 * moves[i]!);
          const { nfe } = p.table(theta);
          expect(pullbackError(p, theta, noiseOf(seed + 1, tableEntries(nfe).length))).toBeLessThan(1e-7);
        },
      ),
      { seed: 1, numRuns: 60 },
    );
  });

  it('keeps the levels that the model is asked at inside the schedule', () => {
    const p = dyweight(schedules.edm, [80, 10, 1, 0.002]);
    const theta = p.initial.slice();
    theta.set([2, 0.5, 1e-9], 6);
    const { times } = p.table(p.project(theta));
    expect(times[0]).toBeCloseTo(80, 10);
    expect(times[1]).toBeCloseTo(5, 10);
    expect(times[2]).toBeCloseTo(0.002, 10);
  });
});
