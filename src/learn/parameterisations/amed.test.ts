import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { edm } from '../../diffusion/edm';
import { pointAt } from '../../diffusion/grid-point';
import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import { rectifiedFlow } from '../../diffusion/rectified-flow';
import { vpLinear } from '../../diffusion/vp-linear';
import { analyticFirstStep } from '../../solvers/analytic-first-step';
import { dpm2 } from '../../solvers/dpm2';
import { tableProblem } from '../../solvers/linear-form';
import { tableEntries } from '../../solvers/table';
import { noiseOf, pullbackError, tableDistance } from '../testing/check-parameterisation';
import { amed } from './amed';

const schedules = { vp: vpLinear(), edm: edm(0.002, 80), flow: rectifiedFlow(1, 1000) };
const analytic = { analyticFirstStep: { r: 0.5 } };

/** N + 1 times even in λ, away from the ends. */
function innerTimes(schedule: NoiseSchedule, n: number): number[] {
  const [from, to] = [schedule.lambda(schedule.tMax), schedule.lambda(schedule.tMin)];
  return Array.from({ length: n + 1 }, (_, i) => schedule.timeOfLambda(from + (to - from) * (0.1 + (0.8 * i) / n)));
}

describe('AMED with constants', () => {
  it('starts at DPM2, with and without an analytic first step', () => {
    for (const schedule of Object.values(schedules)) {
      const pointOfLambda = (lambda: number) => pointAt(schedule, schedule.timeOfLambda(lambda));
      for (const prediction of ['data', 'noise'] as const) {
        for (const n of [2, 3, 4]) {
          const grid = innerTimes(schedule, n);
          const problem = tableProblem(schedule, grid, prediction);
          const classic = dpm2(problem, { pointOfLambda });
          const p = amed(schedule, grid, { prediction });
          expect(tableDistance(p.table(p.initial), classic)).toBeLessThan(1e-12);

          const { table, scale } = analyticFirstStep(classic, problem);
          const q = amed(schedule, grid, { prediction, ...analytic });
          const started = q.table(q.initial);
          expect(started.start[0]).toBeCloseTo(scale, 13);
          const unscaled = { ...started, start: started.start.map((value) => value / started.start[0]!) };
          expect(tableDistance(unscaled, table)).toBeLessThan(1e-12);
        }
      }
    }
  });

  it('learns r, c and a for each step, and none that are kept at 1', () => {
    const grid = innerTimes(schedules.edm, 3);
    expect(amed(schedules.edm, grid).size).toBe(9);
    expect(amed(schedules.edm, grid, { timeRange: 0 }).size).toBe(6);
    expect(amed(schedules.edm, grid, { timeRange: 0, directionRange: 0, ...analytic }).size).toBe(2);
  });

  it('has the derivative of its table', () => {
    fc.assert(
      fc.property(
        fc.record({
          afs: fc.boolean(),
          directionRange: fc.constantFrom(0, 0.01, 0.3),
          timeRange: fc.constantFrom(0, 0.2),
          space: fc.constantFrom('vp' as const, 'edm' as const, 'flow' as const),
          prediction: fc.constantFrom('data' as const, 'noise' as const),
          n: fc.integer({ min: 2, max: 4 }),
          seed: fc.nat(),
        }),
        ({ afs, space, n, seed, ...options }) => {
          const schedule = schedules[space];
          const p = amed(schedule, innerTimes(schedule, n), { ...options, ...(afs ? analytic : {}) });
          const theta = noiseOf(seed, p.size);
          const { nfe } = p.table(theta);
          expect(pullbackError(p, theta, noiseOf(seed + 1, tableEntries(nfe).length))).toBeLessThan(1e-7);
        },
      ),
      { seed: 1, numRuns: 60 },
    );
  });
});
