import { beforeAll, describe, expect, it } from 'vitest';
import { noiseSchedule, spacing } from '../diffusion';
import { classicTable } from '../solvers/registry';
import { sample } from '../solvers/sampler';
import type { SolverTable } from '../solvers/table';
import { analyticMixture } from '../solvers/testing/analytic-mixture';
import { freeTable } from './free-table';
import { bestTable, initialState, learn } from './learn';
import type { LearnHooks, LearnProblem, LearnState } from './learn';
import { mean, tableLosses } from './objective';
import { squared } from './objectives/squared';
import type { PairSet } from './pairs';
import { neuralSolver } from './parameterisations/neural-solver';
import { s4sLms } from './parameterisations/s4s-lms';
import { packState, unpackState } from './serialise';

const schedule = noiseSchedule({ type: 'linear', beta_start: 1e-4, beta_end: 0.02, num_train_timesteps: 1000 });
const ring = Array.from({ length: 8 }, (_, k) => [Math.cos((Math.PI * k) / 4), Math.sin((Math.PI * k) / 4)]);
const denoiser = analyticMixture(schedule, { means: ring, std: 0.15, weights: ring.map(() => 1 / 8) }, 'data');
const nfe = 5;
const choice = { solver: 'dpmpp', order: 2, timestep_spacing: 'logsnr' } as const;
const start = classicTable(schedule, choice, nfe);
const grid = spacing(schedule, choice.timestep_spacing, nfe);

/** Normal numbers from a fixed linear congruential stream; the tests only need noises that do not repeat. */
function noises(count: number, seed: number): Float32Array {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Float32Array.from(
    { length: count * 2 },
    () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}

async function pairs(count: number, seed: number): Promise<PairSet> {
  const xT = noises(count, seed);
  const conditions = new Int32Array(count);
  const teacher = classicTable(schedule, { solver: 'unipc', order: 3, timestep_spacing: 'logsnr' }, 60);
  const { states } = await sample(denoiser, teacher, xT, conditions);
  return { count, dim: 2, noises: xT, targets: states[60]!, conditions };
}

const hooks: LearnHooks = { onStep: async () => {}, outOfTime: () => false };
const lossOf = async (table: SolverTable, set: PairSet): Promise<number> =>
  mean(await tableLosses(denoiser, squared, table, set));

let train: PairSet;
let validation: PairSet;
let base: Omit<LearnProblem, 'parameterisation'>;

beforeAll(async () => {
  train = await pairs(96, 1);
  validation = await pairs(96, 2);
  base = {
    denoiser,
    schedule,
    train,
    validation,
    objective: squared,
    start: { table: start, validationLosses: await tableLosses(denoiser, squared, start, validation) },
    optimizer: 'gauss_newton',
    iterations: 6,
    adam: { learningRate: 0.01, schedule: 'cosine', warmup: 0, ema: 0, batchSize: 16 },
    relaxRadius: 0,
    maxEvaluations: null,
    seed: 0,
  };
});

const methods = {
  table: () => freeTable(schedule, start),
  's4s lms-3': () => s4sLms(schedule, start, { order: 3, grid })!,
  's4s-alt lms-3': () => s4sLms(schedule, start, { order: 3, grid, times: 'both' })!,
};

describe.each(Object.entries(methods))('parameterisation %s', (_name, make) => {
  it('starts exactly at the classic table', () => {
    const p = make();
    const table = p.table(p.initial);
    table.weights.forEach((w, i) => expect(w).toBeCloseTo(start.weights[i]!, 10));
    table.start.forEach((s, i) => expect(s).toBeCloseTo(start.start[i]!, 10));
    table.times.forEach((t, i) => expect(Math.abs(t - start.times[i]!)).toBeLessThan(1e-7));
  });

  it('has the Jacobian that central differences see', () => {
    const p = make();
    // A point off the start, so that no derivative is special; upwards, so that no time is at the schedule's edge.
    const theta = p.project(p.initial.map((value, i) => value + 0.01 * (1.5 + Math.sin(3 * i + 1))));
    const flat = (t: SolverTable): number[] => [...t.start.subarray(1), ...t.weights, ...t.times];
    const jacobian = p.jacobian(theta);
    const h = 1e-6;
    for (let i = 0; i < p.size; i++) {
      const up = flat(p.table(theta.map((value, j) => (i === j ? value + h : value))));
      const down = flat(p.table(theta.map((value, j) => (i === j ? value - h : value))));
      up.forEach((value, entry) => {
        const difference = (value - down[entry]!) / (2 * h);
        const exact = jacobian[entry * p.size + i]!;
        // Times run to 1000, so their differences carry more rounding.
        expect(Math.abs(difference - exact)).toBeLessThan(1e-6 * Math.max(1, Math.abs(exact)) + 1e-5);
      });
    }
  });
});

describe('lms', () => {
  it('holds DDIM and DPM-Solver++, and says so when a table is not a member', () => {
    const member = (solver: 'ddim' | 'dpmpp' | 'unipc' | 'ipndm', order: number, window: number): boolean =>
      s4sLms(schedule, classicTable(schedule, { solver, order, timestep_spacing: 'logsnr' }, nfe), {
        order: window,
        grid,
      }) !== undefined;
    expect(member('ddim', 1, 1)).toBe(true);
    expect(member('dpmpp', 2, 2)).toBe(true);
    expect(member('dpmpp', 3, 3)).toBe(true);
    expect(member('dpmpp', 3, 2)).toBe(false);
    expect(member('unipc', 3, 3)).toBe(false);
    expect(member('ipndm', 3, 3)).toBe(false);
  });
});

describe('Gauss–Newton', () => {
  it('on the free table ends far below the start, on noises it never saw', async () => {
    const problem = { ...base, parameterisation: freeTable(schedule, start) };
    const state = initialState(problem);
    await learn(problem, state, hooks);
    const unseen = await pairs(96, 3);
    expect(await lossOf(bestTable(state), unseen)).toBeLessThan(0.35 * (await lossOf(start, unseen)));
  });

  it('learns S4S below its start, and S4S-Alt below S4S', async () => {
    // With fewer evaluations S4S alone is as good here: coefficients and network times can make up for its grid.
    const [more, wider] = [classicTable(schedule, choice, 6), spacing(schedule, choice.timestep_spacing, 6)];
    const losses: number[] = [];
    for (const times of ['shifts', 'both'] as const) {
      const parameterisation = s4sLms(schedule, more, { order: 3, grid: wider, times })!;
      const problem = { ...base, parameterisation, iterations: 12 * parameterisation.blocks.length };
      const state = initialState(problem);
      await learn(problem, state, hooks);
      losses.push(state.best.validationLoss);
    }
    expect(losses[0]).toBeLessThan(0.8 * (await lossOf(more, validation)));
    expect(losses[1]).toBeLessThan(losses[0]!);
  });
});

describe('Adam', () => {
  it('on the VJP lowers the validation loss', async () => {
    const problem: LearnProblem = {
      ...base,
      parameterisation: freeTable(schedule, start),
      optimizer: 'adam',
      iterations: 150,
    };
    const state = initialState(problem);
    await learn(problem, state, hooks);
    expect(state.best.validationLoss).toBeLessThan(0.7 * mean(base.start.validationLosses));
  });
});

describe('the relaxed objective', () => {
  it('moves training noises, keeps them in their balls, and lowers the training loss', async () => {
    const problem = { ...base, parameterisation: freeTable(schedule, start), relaxRadius: 0.05, iterations: 3 };
    const state = initialState(problem);
    await learn(problem, state, hooks);
    let moved = 0;
    for (let i = 0; i < train.count; i++) {
      const distance = Math.hypot(
        state.noises[2 * i]! - train.noises[2 * i]!,
        state.noises[2 * i + 1]! - train.noises[2 * i + 1]!,
      );
      expect(distance).toBeLessThan(0.05 * (1 + 1e-5));
      if (distance > 0) moved += 1;
    }
    expect(moved).toBeGreaterThan(train.count / 2);
    const table = problem.parameterisation.table(state.theta);
    const relaxed = await lossOf(table, { ...train, noises: state.noises });
    expect(relaxed).toBeLessThan(await lossOf(table, train));
    expect([...train.noises]).toEqual([...noises(train.count, 1)]);
  });
});

describe('learn', () => {
  it('keeps the start table when nothing beats it', async () => {
    const problem = {
      ...base,
      parameterisation: freeTable(schedule, start),
      start: { table: start, validationLosses: new Float64Array(validation.count) },
    };
    const state = initialState(problem);
    await learn(problem, state, hooks);
    expect(state.best.learned).toBe(false);
    expect([...bestTable(state).weights]).toEqual([...start.weights]);
  });

  it.each([
    ['gauss_newton', 5],
    ['adam', 40],
  ] as const)(
    'stopped anywhere and resumed from its stored state, %s gives the same bits',
    async (optimizer, iterations) => {
      const problem: LearnProblem = {
        ...base,
        parameterisation: s4sLms(schedule, start, { order: 3, grid, times: 'both' })!,
        optimizer,
        iterations,
        relaxRadius: 0.01,
      };
      const unbroken = initialState(problem);
      await learn(problem, unbroken, hooks);

      let state: LearnState = initialState(problem);
      while (!state.finished) {
        const controller = new AbortController();
        const stopAt = state.iteration + 1 + (state.iteration % 3);
        const onStep = async (): Promise<void> => {
          if (state.iteration >= stopAt) controller.abort();
        };
        await learn(problem, state, { ...hooks, onStep, signal: controller.signal }).catch((error: unknown) => {
          expect((error as Error).name).toBe('AbortError');
        });
        state = unpackState(packState(state));
      }
      expect(packState(state)).toEqual(packState(unbroken));
    },
  );

  it('goes on while a method that begins behind the best classic solver makes progress', async () => {
    const unbeatable = { table: start, validationLosses: new Float64Array(validation.count) };
    const problem = { ...base, parameterisation: neuralSolver(schedule, grid), start: unbeatable, iterations: 7 };
    const state = initialState(problem);
    const losses: number[] = [];
    await learn(problem, state, {
      ...hooks,
      onStep: async ({ validationLoss }) => void losses.push(validationLoss!),
    });
    expect(losses).toHaveLength(7);
    expect(losses[6]).toBeLessThan(0.5 * losses[0]!);
    expect(state.best).toMatchObject({ learned: false, validationLoss: 0 });
  });

  it('stops at its budgets', async () => {
    const problem = { ...base, parameterisation: freeTable(schedule, start), maxEvaluations: 1 };
    const state = initialState(problem);
    await learn(problem, state, hooks);
    expect(state.iteration).toBe(1);
    const late = initialState(problem);
    await learn(problem, late, { ...hooks, outOfTime: () => true });
    expect(late.iteration).toBe(0);
  });
});
