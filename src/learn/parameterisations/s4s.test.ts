import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { edm } from '../../diffusion/edm';
import { cleanPoint, pointAt } from '../../diffusion/grid-point';
import { rectifiedFlow } from '../../diffusion/rectified-flow';
import { vpLinear } from '../../diffusion/vp-linear';
import { rk4 } from '../../solvers/butcher-tableau';
import { ddim } from '../../solvers/ddim';
import { dpmMultistep } from '../../solvers/dpm-multistep';
import { dpmSinglestep, singlestepGrid } from '../../solvers/dpm-singlestep';
import { heun } from '../../solvers/heun';
import { tableProblem } from '../../solvers/linear-form';
import { rungeKutta } from '../../solvers/runge-kutta';
import { unipc } from '../../solvers/unipc';
import type { SolverTable } from '../../solvers/table';
import type { Parameterisation } from '../parameterisation';
import { fromPureNoise, noiseOf, pullbackError, tableDistance } from '../testing/check-parameterisation';
import { s4sLms } from './s4s-lms';
import { s4sPc } from './s4s-pc';
import { s4sSs } from './s4s-ss';

const schedules = { vp: vpLinear(), edm: edm(0.002, 80), flow: rectifiedFlow(1, 1000) };
const schedule = schedules.vp;
const predictions = ['data', 'noise'] as const;

/** N + 1 times even in λ that leave room at both ends, so that no network time is held at an end. */
function innerTimes(of: typeof schedule, n: number): number[] {
  const [from, to] = [of.lambda(of.tMax), of.lambda(of.tMin)];
  return Array.from({ length: n + 1 }, (_, i) => of.timeOfLambda(from + (to - from) * (0.1 + (0.8 * i) / n)));
}

describe('pullback', () => {
  it.each(['lms', 'pc', 'ss'] as const)('of family %s is the derivative of the table', (family) => {
    fc.assert(
      fc.property(
        fc.record({
          order: fc.integer({ min: 1, max: 4 }),
          prediction: fc.constantFrom(...predictions),
          output: fc.constantFrom(...predictions),
          times: fc.constantFrom('none', 'shifts', 'both'),
          space: fc.constantFrom('vp', 'edm', 'flow'),
          steps: fc.integer({ min: 2, max: 5 }),
          seed: fc.nat(),
        }),
        ({ order, prediction, output, times, space, steps, seed }) => {
          const of = schedules[space];
          const stages = Array.from({ length: Math.max(1, Math.floor(steps / order)) }, () => order);
          const grid = innerTimes(of, family === 'ss' ? stages.length * order : steps);
          const start = ddim(tableProblem(of, grid, output));
          const options = { order, prediction, times, grid };
          const p =
            family === 'lms'
              ? s4sLms(of, start, options)
              : family === 'pc'
                ? s4sPc(of, start, options)
                : s4sSs(of, start, { ...options, stages });
          if (p === undefined) throw new Error('The start is no member.');
          const moves = noiseOf(seed, p.size);
          const theta = p.project(p.initial.map((value, i) => value + 0.2 * moves[i]!));
          const entries = start.nfe * 2 + (start.nfe * (start.nfe + 1)) / 2;
          expect(pullbackError(p, theta, noiseOf(seed + 1, entries))).toBeLessThan(1e-7);
        },
      ),
      { seed: 1, numRuns: 60 },
    );
  });
});

describe('members', () => {
  const grid = innerTimes(schedule, 6);
  const on = (times: readonly number[]) => tableProblem(schedule, times);
  const multistep = { grid };
  const thirds = singlestepGrid(schedule, innerTimes(schedule, 2), [3, 3]);
  const threeOfHeun = innerTimes(schedule, 3);
  const between = (lambda: number) => pointAt(schedule, schedule.timeOfLambda(lambda));
  const noise = { prediction: 'noise' } as const;
  /** Points of a single-step table: those of its evaluations, then its end. */
  const pointsOf = (table: SolverTable, end: number): number[] => [...table.times, end];
  const rk4Table = rungeKutta(on(innerTimes(schedule, 2)), { tableau: rk4, between });

  type Case = [name: string, start: SolverTable, p: (start: SolverTable) => Parameterisation | undefined];
  const cases: Case[] = [
    ...[1, 2, 3, 4].flatMap((order): Case[] => [
      [`ddim, lms ${order}`, ddim(on(grid)), (s) => s4sLms(schedule, s, { order, ...multistep })],
      [`ddim, lms ${order} on noise`, ddim(on(grid)), (s) => s4sLms(schedule, s, { order, ...noise, ...multistep })],
      [`unipc ${order}, pc ${order}`, unipc(on(grid), { order }), (s) => s4sPc(schedule, s, { order, ...multistep })],
      [
        `unipc ${order} on noise, pc ${order} on noise`,
        unipc(on(grid), { order, ...noise, variant: 'bh1' }),
        (s) => s4sPc(schedule, s, { order, ...noise, ...multistep }),
      ],
      [
        `unipc ${order} without corrector, lms ${order}`,
        unipc(on(grid), { order, corrector: false }),
        (s) => s4sLms(schedule, s, { order, ...multistep }),
      ],
    ]),
    ['dpm++ 2M, lms 2', dpmMultistep(on(grid), { order: 2 }), (s) => s4sLms(schedule, s, { order: 2, ...multistep })],
    ['dpm++ 3M, lms 3', dpmMultistep(on(grid), { order: 3 }), (s) => s4sLms(schedule, s, { order: 3, ...multistep })],
    ['dpm++ 3M, pc 3', dpmMultistep(on(grid), { order: 3 }), (s) => s4sPc(schedule, s, { order: 3, ...multistep })],
    [
      'dpm 3M on noise, lms 3 on noise',
      dpmMultistep(on(grid), { order: 3, ...noise }),
      (s) => s4sLms(schedule, s, { order: 3, ...noise, ...multistep }),
    ],
    ['unipc 3, lms 4', unipc(on(grid), { order: 3 }), (s) => s4sLms(schedule, s, { order: 4, ...multistep })],
    [
      'ddim to zero, lms 2',
      ddim(tableProblem(schedule, grid, 'data', [cleanPoint])),
      (s) => s4sLms(schedule, s, { order: 2, ...multistep, toZero: true }),
    ],
    [
      'unipc to zero, pc 3',
      unipc(tableProblem(schedule, grid, 'data', [cleanPoint]), { order: 3 }),
      (s) => s4sPc(schedule, s, { order: 3, ...multistep, toZero: true }),
    ],
    ...(['data', 'noise'] as const).map((prediction): Case => {
      const table = dpmSinglestep({ ...on(grid), grid: thirds }, { orders: [3, 3], prediction });
      return [
        `dpm 3S on ${prediction}, ss`,
        table,
        (s) => s4sSs(schedule, s, { stages: [3, 3], prediction, grid: thirds.map(({ t }) => t) }),
      ];
    }),
    ...(['data', 'noise'] as const).flatMap((prediction): Case[] => [
      [
        `heun, ss on ${prediction}`,
        heun(on(threeOfHeun), 5),
        (s) => s4sSs(schedule, s, { stages: [2, 2, 1], prediction, grid: pointsOf(s, threeOfHeun[3]!) }),
      ],
      [
        `rk4, ss on ${prediction}`,
        rk4Table,
        (s) => s4sSs(schedule, s, { stages: [4, 4], prediction, grid: pointsOf(s, innerTimes(schedule, 2)[2]!) }),
      ],
    ]),
  ];
  it.each(cases)('%s', (_name, start, make) => {
    const p = make(start);
    expect(p).toBeDefined();
    expect(tableDistance(p!.table(p!.initial), start)).toBeLessThan(1e-12);
  });

  it('holds starts from pure noise, on data only', () => {
    const times = [1, 0.7, 0.4, 0.1, 0.01];
    const start = unipc(tableProblem(fromPureNoise, times), { order: 2 });
    const options = { order: 2, times: 'both', grid: times } as const;
    const p = s4sPc(fromPureNoise, start, options)!;
    expect(tableDistance(p.table(p.initial), start)).toBeLessThan(1e-12);
    // The first network time moves inwards, where it has a derivative on both sides.
    const moves = noiseOf(1, p.size).map(Math.abs);
    const theta = p.project(p.initial.map((value, i) => value + 0.02 * (0.5 + moves[i]!)));
    expect(pullbackError(p, theta, noiseOf(2, 18))).toBeLessThan(1e-7);
    expect(s4sPc(fromPureNoise, start, { ...options, prediction: 'noise' })).toBeUndefined();
  });

  it('says so when a table is not one', () => {
    expect(s4sLms(schedule, dpmMultistep(on(grid), { order: 3 }), { order: 2, ...multistep })).toBeUndefined();
    expect(s4sLms(schedule, unipc(on(grid), { order: 3 }), { order: 3, ...multistep })).toBeUndefined();
    expect(
      s4sLms(schedule, dpmMultistep(on(grid), { order: 3 }), { order: 3, ...noise, ...multistep }),
    ).toBeUndefined();
    // The grid of Heun's stages does not fall.
    expect(s4sLms(schedule, heun(on(threeOfHeun), 5), { order: 4 })).toBeUndefined();
    expect(s4sSs(schedule, dpmMultistep(on(grid), { order: 2 }), { stages: [2, 2, 2], grid })).toBeUndefined();
    expect(() => s4sLms(schedule, ddim(on(grid)), { order: 5, ...multistep })).toThrow('orders 1 to 4');
  });
});

describe('parameter counts', () => {
  const grid = innerTimes(schedule, 5);
  const start = ddim(tableProblem(schedule, grid));
  it.each([
    ['lms', 'none', 12],
    ['lms', 'shifts', 17],
    ['lms', 'both', 21],
    ['pc', 'none', 25],
    ['pc', 'both', 34],
  ] as const)('%s of order 3, times %s, five evaluations: %i', (family, times, count) => {
    const make = family === 'lms' ? s4sLms : s4sPc;
    expect(make(schedule, start, { order: 3, times, grid })!.size).toBe(count);
  });
});

describe('family pc', () => {
  it('has the tables of lms with one output more', () => {
    const grid = innerTimes(schedule, 6);
    const start = unipc(tableProblem(schedule, grid), { order: 3 });
    const pc = s4sPc(schedule, start, { order: 3, times: 'none', grid })!;
    const moved = pc.table(pc.initial.map((value, i) => value + 0.3 * noiseOf(7, pc.size)[i]!));
    const lms = s4sLms(schedule, moved, { order: 4, times: 'none', grid })!;
    expect(tableDistance(lms.table(lms.initial), moved)).toBeLessThan(1e-12);
    expect(s4sLms(schedule, moved, { order: 3, times: 'none', grid })).toBeUndefined();
  });
});

describe('project', () => {
  it('keeps the grid falling and network times inside the schedule', () => {
    const start = ddim(tableProblem(schedule, innerTimes(schedule, 5)));
    const p = s4sLms(schedule, start, { order: 2, times: 'both', grid: innerTimes(schedule, 5) })!;
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: p.size, maxLength: p.size }),
        (moves) => {
          const theta = p.project(p.initial.map((value, i) => value + moves[i]!));
          const { times, start: starts } = p.table(theta);
          expect(times.every((t) => t >= schedule.tMin && t <= schedule.tMax)).toBe(true);
          // Starts are products of σ ratios below 1, so they fall as the grid does.
          expect(starts.every((s, k) => k === 0 || s <= starts[k - 1]!)).toBe(true);
          p.project(theta).forEach((value, i) => expect(value).toBeCloseTo(theta[i]!, 9));
        },
      ),
      { seed: 2, numRuns: 50 },
    );
  });
});
