import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { edm } from '../../diffusion/edm';
import { rectifiedFlow } from '../../diffusion/rectified-flow';
import { ld3ModelTimes, ld3Times } from '../../diffusion/times-from-logits';
import { vpLinear } from '../../diffusion/vp-linear';
import { ddim } from '../../solvers/ddim';
import { dpmMultistep } from '../../solvers/dpm-multistep';
import { ipndm } from '../../solvers/ipndm';
import { tableProblem } from '../../solvers/linear-form';
import { assertValidTable, tableEntries } from '../../solvers/table';
import { unipc } from '../../solvers/unipc';
import { noiseOf, pullbackError, tableDistance } from '../testing/check-parameterisation';
import { ld3 } from './ld3';

const schedules = { vp: vpLinear(), edm: edm(0.002, 80), flow: rectifiedFlow(1, 1000) };
const solvers = ['euler', 'ipndm', 'dpmpp', 'unipc'] as const;
const modes = ['time', 'lambda'] as const;

/** A grid that is even in nothing. */
function uneven(schedule: (typeof schedules)['vp'], n: number): number[] {
  const { tMin, tMax } = schedule;
  return Array.from({ length: n + 1 }, (_, i) => tMin + (tMax - tMin) * (1 - i / n) ** 1.7);
}

/** A grid even on an axis and away from the ends, so that no shift is held there. */
function inner(schedule: (typeof schedules)['vp'], mode: (typeof modes)[number], n: number): number[] {
  const { tMin, tMax } = schedule;
  const [from, to] = mode === 'time' ? [tMax, tMin] : [schedule.lambda(tMax), schedule.lambda(tMin)];
  const points = Array.from({ length: n + 1 }, (_, i) => from + (to - from) * (0.1 + (0.6 * i) / n));
  return mode === 'time' ? points : points.map((lambda) => schedule.timeOfLambda(lambda));
}

describe('LD3', () => {
  it.each(solvers)('with %s starts at the classic table, on any grid and axis', (solver) => {
    for (const schedule of Object.values(schedules)) {
      for (const prediction of ['data', 'noise'] as const) {
        for (const n of [1, 3, 5, 11]) {
          const grid = uneven(schedule, n);
          const problem = tableProblem(schedule, grid, prediction);
          const classic = {
            euler: () => ddim(problem),
            ipndm: () => ipndm(problem, 3),
            dpmpp: () => dpmMultistep(problem, { order: 3 }),
            unipc: () => unipc(problem, { order: 3 }),
          }[solver]();
          for (const mode of modes) {
            const p = ld3(schedule, grid, { solver, mode, prediction });
            expect(p.size).toBe(2 * n - 2);
            expect(tableDistance(p.table(p.initial), classic)).toBeLessThan(1e-12);
          }
        }
      }
    }
  });

  it('has the derivative of its table', () => {
    fc.assert(
      fc.property(
        fc.record({
          solver: fc.constantFrom(...solvers),
          mode: fc.constantFrom(...modes),
          variant: fc.constantFrom('bh1' as const, 'bh2' as const),
          space: fc.constantFrom('vp' as const, 'edm' as const, 'flow' as const),
          prediction: fc.constantFrom('data' as const, 'noise' as const),
          n: fc.integer({ min: 2, max: 6 }),
          seed: fc.nat(),
        }),
        ({ solver, mode, variant, space, prediction, n, seed }) => {
          const schedule = schedules[space];
          const p = ld3(schedule, inner(schedule, mode, n), { solver, mode, variant, prediction, maxShift: 1e9 });
          const moves = noiseOf(seed, p.size);
          const theta = p.initial.map((value, i) => value + moves[i]! * (i < n - 1 ? 0.3 : 0.02));
          expect(pullbackError(p, theta, noiseOf(seed + 1, tableEntries(n).length))).toBeLessThan(1e-7);
        },
      ),
      { seed: 1, numRuns: 60 },
    );
  });

  it('has the times of the published program, and lets no shift exceed half the smallest gap', () => {
    const schedule = schedules.vp;
    const p = ld3(schedule, ld3Times(schedule, [1, 1, 1, 1], 'time'), { solver: 'ipndm', mode: 'time' });
    // Logits of the program run from the clean end; ours are relative to the first gap.
    const program = [0.3, 1.2, 0.7, 0.9];
    const theta = Float64Array.of(0.7 - 0.9, 1.2 - 0.9, 0.02, -9);
    const { times } = p.table(theta);
    const expected = ld3ModelTimes(schedule, program, [0, 0.02, -9, 0], 'time');
    times.forEach((t, i) => expect(t).toBeCloseTo(expected[i]!, 14));
    const projected = p.project(theta);
    expect(p.table(projected).times).toEqual(times);
    expect(projected[3]).toBeGreaterThan(-0.2);
    // Clipped: the shift does nothing, and the bound's own derivative is left out.
    const jacobian = p.jacobian(theta);
    expect(tableEntries(3).map((_, i) => jacobian[i * 4 + 3])).toEqual(tableEntries(3).map(() => 0));
  });

  it('projects wild parameters to a table of numbers whose times do not rise', () => {
    const p = ld3(schedules.edm, uneven(schedules.edm, 5), { solver: 'dpmpp' });
    const table = p.table(p.project(p.initial.map((_, i) => [900, -900, 900, -900, 50][i % 5]!)));
    expect(() => assertValidTable(table)).not.toThrow();
    table.times.forEach((t, i) => i > 0 && expect(t).toBeLessThanOrEqual(table.times[i - 1]!));
  });

  it('names what is wrong', () => {
    const options = { solver: 'unipc', order: 5 } as const;
    expect(() => ld3(schedules.vp, [1, 0.5, 0.1], options)).toThrow('LD3 with unipc needs orders from 1 to 3');
    expect(() => ld3(schedules.vp, [1, 0.5, 0.6], { solver: 'euler' })).toThrow('must fall strictly');
  });
});
