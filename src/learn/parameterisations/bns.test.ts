import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { edm } from '../../diffusion/edm';
import { cleanPoint } from '../../diffusion/grid-point';
import { rectifiedFlow } from '../../diffusion/rectified-flow';
import { vpLinear } from '../../diffusion/vp-linear';
import { classicTable } from '../../solvers/registry';
import { ddim } from '../../solvers/ddim';
import { tableProblem } from '../../solvers/linear-form';
import { unipc } from '../../solvers/unipc';
import { fromPureNoise, noiseOf, pullbackError, tableDistance } from '../testing/check-parameterisation';
import { bns } from './bns';

const schedules = { vp: vpLinear(), edm: edm(0.002, 80), flow: rectifiedFlow(3, 1000), fromPureNoise };

describe('bns', () => {
  it.each([
    ['vp', 'data'],
    ['vp', 'noise'],
    ['vp', 'velocity'],
    ['edm', 'data'],
    ['flow', 'velocity'],
    ['flow', 'data'],
    ['fromPureNoise', 'velocity'],
  ] as const)('has every table of falling times as its start, and its derivative: %s, %s', (space, output) => {
    const of = schedules[space];
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.nat(), (n, seed) => {
        const times = Array.from({ length: n + 1 }, (_, i) => of.gridTime(i / n));
        const problem = tableProblem(of, times, output);
        for (const start of [ddim(problem), unipc(problem, { order: 3 })]) {
          const p = bns(of, start)!;
          expect(p.size).toBe((n * (n + 5)) / 2 - 1);
          expect(tableDistance(p.table(p.initial), start)).toBeLessThan(1e-12);
          const moves = noiseOf(seed, p.size);
          const theta = p.project(p.initial.map((value, i) => value + 0.3 * moves[i]!));
          expect(pullbackError(p, theta, noiseOf(seed + 1, 2 * n + (n * (n + 1)) / 2))).toBeLessThan(1e-7);
        }
      }),
      { seed: 3, numRuns: 12 },
    );
  });

  it('keeps times falling between their ends', () => {
    const { vp } = schedules;
    const p = bns(vp, classicTable(vp, { solver: 'ddim', order: 1, timestep_spacing: 'uniform' }, 5))!;
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: p.size, maxLength: p.size }),
        (moves) => {
          const { times } = p.table(p.project(p.initial.map((value, i) => value + moves[i]!)));
          expect(times[0]).toBe(vp.tMax);
          times.slice(1).forEach((t, i) => expect(t).toBeLessThan(times[i]!));
          expect(times[4]).toBeGreaterThan(vp.tMin);
        },
      ),
      { seed: 4, numRuns: 50 },
    );
  });

  it('takes starts that end without noise', () => {
    const { vp } = schedules;
    for (const times of [[1], [1, 0.5, 0.1]]) {
      const start = unipc(tableProblem(vp, times, 'data', [cleanPoint]), { order: 2 });
      const p = bns(vp, start, { toZero: true })!;
      expect(tableDistance(p.table(p.initial), start)).toBeLessThan(1e-12);
    }
  });

  it('does not start where two evaluations share a time', () => {
    const { vp } = schedules;
    expect(bns(vp, classicTable(vp, { solver: 'heun', order: 2, timestep_spacing: 'logsnr' }, 5))).toBeUndefined();
  });
});
