import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { edm } from '../../diffusion/edm';
import { rectifiedFlow } from '../../diffusion/rectified-flow';
import { gsTimes } from '../../diffusion/times-from-logits';
import { vpLinear } from '../../diffusion/vp-linear';
import { dpmMultistep } from '../../solvers/dpm-multistep';
import { tableProblem } from '../../solvers/linear-form';
import { tableEntries } from '../../solvers/table';
import { noiseOf, pullbackError, tableDistance } from '../testing/check-parameterisation';
import { gs } from './gs';

const schedules = { vp: vpLinear(), edm: edm(0.002, 80), flow: rectifiedFlow(1, 1000) };

/** A grid that is even in nothing, between two shares of the time axis. */
function uneven(schedule: (typeof schedules)['vp'], n: number, from = 1, to = 0): number[] {
  const { tMin, tMax } = schedule;
  return Array.from({ length: n + 1 }, (_, i) => tMin + (tMax - tMin) * (to + (from - to) * (1 - i / n) ** 1.3));
}

describe('GS', () => {
  it.each(['theory', 'none'] as const)('with %s starts at DPM-Solver++ 3M that never lowers its order', (guidance) => {
    for (const schedule of Object.values(schedules)) {
      for (const prediction of ['data', 'noise'] as const) {
        for (const [n, window] of [
          [1, 1],
          [4, 4],
          [6, 3],
          [6, 2],
          [10, 10],
        ] as const) {
          const grid = uneven(schedule, n);
          const p = gs(schedule, grid, { window, guidance, prediction });
          const order = Math.min(window, 3);
          const classic = dpmMultistep(tableProblem(schedule, grid, prediction), { order, lowerOrderFinal: false });
          expect(tableDistance(p.table(p.initial), classic)).toBeLessThan(1e-12);
          if (window === n) expect(p.size).toBe(n * n + 3 * n - 1);
        }
      }
    }
  });

  it('has the derivative of its table', () => {
    fc.assert(
      fc.property(
        fc.record({
          guidance: fc.constantFrom('theory' as const, 'none' as const, 's4s-pc' as const),
          space: fc.constantFrom('vp' as const, 'edm' as const, 'flow' as const),
          prediction: fc.constantFrom('data' as const, 'noise' as const),
          n: fc.integer({ min: 1, max: 6 }),
          window: fc.integer({ min: 1, max: 6 }),
          seed: fc.nat(),
        }),
        ({ guidance, space, prediction, n, window, seed }) => {
          const grid = uneven(schedules[space], n, 0.9, 0.3);
          const p = gs(schedules[space], grid, { guidance, prediction, window });
          const moves = noiseOf(seed, p.size);
          const theta = p.initial.map((value, i) => value + 0.05 * moves[i]!);
          expect(pullbackError(p, theta, noiseOf(seed + 1, tableEntries(n).length))).toBeLessThan(1e-7);
        },
      ),
      { seed: 1, numRuns: 60 },
    );
  });

  it('has the times of the published program, and keeps the times of the model inside the schedule', () => {
    const schedule = schedules.vp;
    const p = gs(schedule, uneven(schedule, 4));
    const theta = p.initial.map((value, i) =>
      i < 3 ? value + 0.1 * (i + 1) : i < 7 ? [0.3, 0.01, -0.02, -0.9][i - 3]! : 0,
    );
    const t = gsTimes(theta.subarray(0, 3), schedule.tMin, schedule.tMax);
    const { times } = p.table(theta);
    times.forEach((time, i) => expect(time).toBeCloseTo(t[i]! + theta[3 + i]!, 14));
    const inside = p.table(p.project(theta)).times;
    expect(inside[0]).toBe(schedule.tMax);
    expect(inside[1]).toBe(times[1]);
    expect(inside[3]).toBeCloseTo(schedule.tMin, 14);
  });
});
