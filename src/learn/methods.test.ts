import { describe, expect, it } from 'vitest';
import { edm } from '../diffusion/edm';
import { gridTimes } from '../diffusion/grids';
import type { NoiseSchedule } from '../diffusion/noise-schedule';
import { rectifiedFlow } from '../diffusion/rectified-flow';
import { vpLinear } from '../diffusion/vp-linear';
import { classicSolvers, classicTable, gridSteps, type ClassicSolver } from '../solvers/registry';
import { assertValidTable, tableEntries } from '../solvers/table';
import {
  methodFamilies,
  methodNames,
  methodParameterisation,
  parameterCount,
  stagesOf,
  startsAtItself,
  type MethodChoice,
  type MethodStart,
} from './methods';
import { fromPureNoise, noiseOf, pullbackError, tableDistance } from './testing/check-parameterisation';

/** The bundled demo's schedule, and two of other spaces. */
const schedules = { edm: edm(0.002, 80), vp: vpLinear(), flow: rectifiedFlow(3, 1000) };

function startOf(schedule: NoiseSchedule, choice: ClassicSolver, nfe: number, times?: ArrayLike<number>): MethodStart {
  const grid = times ?? gridTimes(schedule, choice.timestep_spacing, gridSteps(choice.solver, nfe, false));
  return { choice, table: classicTable(schedule, choice, nfe, { times: grid }), grid, nfe };
}

/** One of each solver and order: what is taken does not depend on the spacing. */
const solversAt = (nfe: number): ClassicSolver[] =>
  classicSolvers(nfe).filter(({ timestep_spacing: name }) => name === 'logsnr');

const hasFamilies = (method: string): boolean => method === 's4s' || method === 's4s-alt';
const choices: MethodChoice[] = [
  ...methodNames.flatMap((method): MethodChoice[] =>
    (hasFamilies(method) ? methodFamilies : (['lms'] as const)).map((family) => ({ method, family, order: 3 })),
  ),
  { method: 'table', family: 'lms', order: 3, consistent_rows: true, monotone_times: true },
  { method: 's4s', family: 'ss', order: 2 },
  { method: 's4s', family: 'ss', order: 4 },
  { method: 's4s-alt', family: 'lms', order: 1 },
  { method: 's4s-alt', family: 'pc', order: 4 },
  { method: 'dyweight', family: 'lms', order: 6 },
];
const named = choices.map((choice) => [Object.values(choice).join(' '), choice] as const);

describe.each(named)('%s', (_name, choice) => {
  it.each([3, 4, 5, 6, 8, 10])(
    'takes classic starts at %i evaluations, counts right and starts where it says',
    (nfe) => {
      for (const schedule of [schedules.edm, schedules.vp]) {
        const taken = solversAt(nfe).flatMap((solver) => {
          const start = startOf(schedule, solver, nfe);
          const parameterisation = methodParameterisation(schedule, choice, start);
          return parameterisation ? [{ start, parameterisation }] : [];
        });
        expect(taken.length).toBeGreaterThan(0);
        for (const { start, parameterisation } of taken) {
          expect(parameterisation.size).toBe(parameterCount(choice, nfe));
          const table = parameterisation.table(parameterisation.initial);
          assertValidTable(table);
          expect(table.nfe).toBe(nfe);
          // GS never lowers its order at the end, as DPM-Solver++ 3M does for few steps.
          if (choice.method !== 'gs' && startsAtItself(choice, start.choice)) {
            expect(tableDistance(table, start.table)).toBeLessThan(1e-9);
          }
        }
      }
    },
  );

  it('has the derivative of its table', () => {
    for (const [seed, schedule] of Object.values(schedules).entries()) {
      for (const nfe of [3, 4]) {
        for (const classic of solversAt(nfe).filter(({ solver }) => ['ddim', 'unipc', 'heun'].includes(solver))) {
          // Away from the ends, where a time is held and has no derivative, and from levels near 0, which bend a lot.
          const steps = gridSteps(classic.solver, nfe, false);
          const [from, to] = [schedule.lambda(schedule.tMax), schedule.lambda(schedule.tMin)];
          const times = Array.from({ length: steps + 1 }, (_, i) =>
            schedule.timeOfLambda(from + (to - from) * (0.3 + (0.4 * i) / steps)),
          );
          const p = methodParameterisation(schedule, choice, startOf(schedule, classic, nfe, times));
          if (!p) continue;
          const theta = p.initial.map((value, i) => value + 0.002 * noiseOf(seed, p.size)[i]!);
          expect(pullbackError(p, theta, noiseOf(seed + 1, tableEntries(nfe).length))).toBeLessThan(1e-7);
        }
      }
    }
  });
});

describe('which starts are taken', () => {
  const schedule = schedules.vp;
  const taken = (method: MethodChoice['method'], nfe: number, rest: Partial<MethodChoice> = {}, from = schedule) =>
    new Set(
      classicSolvers(nfe)
        .filter(({ timestep_spacing: name }) => name === 'uniform')
        .flatMap((choice) => {
          const start = (): MethodStart => startOf(from, choice, nfe);
          if (from === fromPureNoise && !['ddim', 'dpmpp', 'unipc', 'deis', 'ipndm'].includes(choice.solver)) return [];
          return methodParameterisation(from, { method, family: 'lms', order: 3, ...rest }, start())
            ? [`${choice.solver}-${choice.order}`]
            : [];
        }),
    );

  it('follows from what the method is', () => {
    const all = new Set(classicSolvers(6).map(({ solver, order }) => `${solver}-${order}`));
    const without = (...names: string[]) => new Set([...all].filter((name) => !names.includes(name)));
    expect(taken('table', 6)).toEqual(all);
    expect(taken('bns', 6)).toEqual(without('heun-2'));
    expect(taken('gs', 6)).toEqual(without('heun-2'));
    expect(taken('dode', 6)).toEqual(all);
    expect(taken('dode', 5)).toEqual(without('heun-2'));
    expect(taken('amed', 6)).toEqual(new Set(['heun-2']));
    expect(taken('amed', 5)).toEqual(new Set(['heun-2']));
    expect(taken('ld3', 6)).toEqual(without('heun-2', 'dpmpp_singlestep-3', 'dpm-3', 'deis-3'));
    expect(taken('s4s', 6)).toEqual(without('heun-2', 'ipndm-4', 'unipc-3'));
    expect(taken('s4s', 6, { family: 'pc' })).toEqual(without('heun-2'));
    expect(taken('s4s', 6, { family: 'ss' })).toEqual(new Set(['ddim-1', 'dpmpp_singlestep-3']));
    expect(taken('s4s', 6, { family: 'ss', order: 2 })).toEqual(new Set(['ddim-1', 'heun-2']));
  });

  it('is none where there is no signal or nothing to learn, and then nothing is thrown', () => {
    for (const method of ['ld3', 'gs', 'dyweight', 'dode', 'amed'] as const) {
      expect(taken(method, 4, {}, fromPureNoise)).toEqual(new Set());
    }
    for (const method of ['table', 's4s', 's4s-alt', 'bns', 'neural_solver'] as const) {
      expect(taken(method, 4, {}, fromPureNoise)).toContain('ddim-1');
    }
    for (const method of ['ld3', 'dode'] as const) {
      expect(taken(method, 1)).toEqual(new Set());
      expect(parameterCount({ method, family: 'lms', order: 1 }, 1)).toBeUndefined();
    }
  });

  it('hides neither a wrong choice nor an error of another kind', () => {
    const start = startOf(schedule, { solver: 'ddim', order: 1, timestep_spacing: 'uniform' }, 4);
    const wrong = { method: 's4s', family: 'lms', order: 5 } as const;
    expect(() => methodParameterisation(schedule, wrong, start)).toThrow('The method s4s has orders 1 to 4, got 5.');
    expect(() => parameterCount({ ...wrong, method: 'dyweight', order: 0 }, 4)).toThrow('orders from 1, got 0');
    const broken: NoiseSchedule = {
      ...schedule,
      at: () => {
        throw new TypeError('broken');
      },
    };
    expect(() => methodParameterisation(broken, { ...wrong, method: 'ld3' }, start)).toThrow('broken');
  });
});

it('cuts evaluations into steps of family ss', () => {
  expect([stagesOf(3, 3), stagesOf(5, 2), stagesOf(8, 3), stagesOf(2, 4)]).toEqual([[3], [2, 2, 1], [3, 3, 2], [2]]);
});
