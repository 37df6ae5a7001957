import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SolverFile } from '../../src/export/solver-file';
import type { LoggedEvent, RunReport } from '../../src/protocol';
import { expectSentence, ofKind, tinyYaml, TinyProject } from '../support/tiny-run';
import type { TinyConfig } from '../support/tiny-run';

// What a run says about its own learning: seeds and their spread, where it started, why it ended, and how far to trust it.

const projects: TinyProject[] = [];
function project(config: TinyConfig, samples = 24): TinyProject {
  const tiny = new TinyProject();
  writeFileSync(tiny.yaml, tinyYaml(config).replace('training: { samples: 24', `training: { samples: ${samples}`));
  projects.push(tiny);
  return tiny;
}
afterAll(() => {
  for (const { folder } of projects) rmSync(folder, { recursive: true, force: true });
});

async function learned(config: TinyConfig, samples?: number): Promise<LoggedEvent[]> {
  const tiny = project(config, samples);
  const { status, message } = await tiny.run('run');
  expect([status, message]).toEqual(['done', expect.anything()]);
  return tiny.events('run');
}
const warnings = (events: readonly LoggedEvent[], code: string): string[] =>
  ofKind(events, 'warning').flatMap((event) => (event.code === code ? event.message : []));
const reasons = (events: readonly LoggedEvent[]): string[] => ofKind(events, 'learning-ended').map((end) => end.reason);

describe('several seeds for several numbers of evaluations', () => {
  let tiny: TinyProject;
  let events: LoggedEvent[];
  let report: RunReport;
  beforeAll(async () => {
    tiny = project({ student: 'num_inference_steps: [3, 4]', training: 'iterations: 4, seeds: 3' });
    expect((await tiny.run('run')).status).toBe('done');
    events = tiny.events('run');
    report = JSON.parse(tiny.read('run', 'report.json')) as RunReport;
  }, 60_000);

  it('learn from other training noises, on the same validation noises, from the same start', () => {
    for (const nfe of [3, 4]) {
      const first = ofKind(events, 'step').filter((step) => step.nfe === nfe && step.iteration === 0);
      expect(first.map(({ seed }) => seed)).toEqual([0, 1, 2]);
      expect(new Set(first.map(({ validationLoss }) => validationLoss)).size).toBe(1);
      expect(new Set(first.map(({ trainLoss }) => trainLoss)).size).toBe(3);
    }
  });

  it('keep the table that is best on validation, and only ever show a better one', () => {
    for (const { nfe, seed, seeds, spread } of report.solvers) {
      const losses = seeds.map(({ validation_mse }) => validation_mse);
      expect(losses.indexOf(Math.min(...losses))).toBe(seed);
      const ends = ofKind(events, 'learning-ended').filter((end) => end.nfe === nfe);
      expect(ends.map(({ validationLoss }) => validationLoss)).toEqual(losses);
      const tables = ofKind(events, 'table').filter((table) => table.nfe === nfe);
      const shown = tables.map(({ validationLoss }) => validationLoss);
      expect(shown).toEqual(shown.toSorted((a, b) => b! - a!));
      expect(shown.at(-1)).toBe(Math.min(...losses));
      const row = report.results.find((result) => result.nfe === nfe && result.learned);
      expect(row?.mse).toBe(seeds[seed]!.test_mse);
      const sorted = seeds.map(({ test_mse }) => test_mse).toSorted((a, b) => a - b);
      expect(spread.test_mse).toEqual({ min: sorted[0], median: sorted[1], max: sorted[2] });
    }
  });

  it('say so in solver.json and report.md', () => {
    const { solvers } = JSON.parse(tiny.read('run', 'solver.json')) as SolverFile;
    for (const [i, { seed, seeds, spread, ...solver }] of solvers.entries()) {
      const reported = report.solvers[i]!;
      expect({ seed, spread }).toEqual({ seed: reported.seed, spread: reported.spread });
      expect(seeds?.map(({ test_mse }) => test_mse)).toEqual(reported.seeds.map(({ test_mse }) => test_mse));
      expect([solver.test_mse, solver.validation_mse]).toEqual([
        reported.seeds[seed!]!.test_mse,
        reported.seeds[seed!]!.validation_mse,
      ]);
    }
    expect(tiny.read('run', 'report.md')).toMatch(
      /Learned 3 times .*; seed [1-3] was the best on the validation noises\./,
    );
  });

  it('start at the best of what is tried: a classic grid, or the one learned before', () => {
    const starts = ofKind(events, 'start');
    expect(starts.map(({ nfe }) => nfe)).toEqual([3, 4]);
    for (const { nfe, validationLoss, solver, spacing } of starts) {
      const classics = ofKind(events, 'baseline').filter((baseline) => baseline.nfe === nfe);
      expect(validationLoss).toBeLessThanOrEqual(Math.min(...classics.map((classic) => classic.validationLoss)));
      expect(report.solvers.find((one) => one.nfe === nfe)?.started_from).toEqual({ solver, spacing });
    }
    // What the report compares with are classic solvers on classic grids.
    expect(report.results.filter((row) => !row.learned && row.spacing.startsWith('learned'))).toEqual([]);
  });
});

it('a method that is not fitted to the teacher’s path begins on the grid learned before, where that is best', async () => {
  const events = await learned({ student: 'method: ld3, num_inference_steps: [4, 5]', training: 'iterations: 6' });
  const [first, second] = ofKind(events, 'start');
  const classics = ofKind(events, 'baseline').filter(({ nfe, solver }) => nfe === 5 && solver === second?.solver);
  expect(classics.length).toBeGreaterThan(1);
  expect([first?.spacing, second?.spacing]).toEqual([expect.not.stringMatching('learned'), 'learned at 4']);
  expect(second?.validationLoss).toBeLessThan(Math.min(...classics.map(({ validationLoss }) => validationLoss)));
  const steps = ofKind(events, 'step').filter(({ nfe, iteration }) => nfe === 5 && iteration === 0);
  expect(steps.map(({ validationLoss }) => validationLoss)).toEqual([second?.validationLoss]);
}, 60_000);

it('D-ODE begins at its closed form where that is better than the classic solver', async () => {
  const events = await learned({ student: 'method: dode, num_inference_steps: 5', training: 'iterations: 1' });
  const [start] = ofKind(events, 'start');
  const classics = ofKind(events, 'baseline').filter(({ solver }) => /^(DDIM|Heun)/.test(solver));
  expect(start?.solver).toMatch(/^(DDIM|Heun), rows fitted$/);
  expect(start?.validationLoss).toBeLessThan(Math.min(...classics.map(({ validationLoss }) => validationLoss)));
  // Five evaluations, and ten times as many of the finer path, for each of the 24 noises.
  const [first] = ofKind(events, 'step');
  expect(first?.evaluations).toBe(24 * 55);
}, 60_000);

describe('a learning ends, and says why', () => {
  it.each([
    ['iterations', 'iterations: 2', [2]],
    ['evaluations', 'iterations: 9, budget: { evaluations: 1 }', [0]],
    ['no-clear-gain', 'iterations: 60, optimizer: gauss_newton', undefined],
  ])('%s', async (reason, training, iterations) => {
    const events = await learned({ training, objective: 'relax_radius: 0' });
    expect(reasons(events)).toEqual([reason]);
    if (iterations) expect(ofKind(events, 'learning-ended').map(({ iteration }) => iteration)).toEqual(iterations);
  });

  it('minutes, also in the middle of an iteration, and a resumed run does not begin again', async () => {
    const tiny = project({ training: 'iterations: 1000, budget: { minutes: 0.00005 }' });
    expect((await tiny.run('run')).status).toBe('done');
    const events = tiny.events('run');
    expect(reasons(events)).toEqual(['minutes']);
    const [warning] = warnings(events, 'budget-too-small');
    expect(warning).toMatch(/3 evaluations was over before the first iteration; raise training\.budget\.minutes\.$/);
    expect(ofKind(events, 'step').map(({ iteration }) => iteration)).toEqual([0]);
    const before = tiny.solver('run');
    expect((await tiny.run('run', { resume: true })).status).toBe('done');
    expect(reasons(tiny.events('run'))).toEqual(['minutes']);
    expect(tiny.solver('run')).toBe(before);
  });
});

describe('the teacher’s own error', () => {
  it('is known before anything is learned, and not measured again', async () => {
    const tiny = project({ teacher: 'num_inference_steps: 60' });
    await tiny.runUntil('run', ({ kind }) => kind === 'step');
    expect((await tiny.run('run', { resume: true })).status).toBe('done');
    const events = tiny.events('run');
    const floors = ofKind(events, 'teacher-floor');
    expect(floors).toHaveLength(1);
    expect(floors[0]!.seq).toBeLessThan(ofKind(events, 'baseline')[0]!.seq);
    const { teacher } = JSON.parse(tiny.read('run', 'report.json')) as RunReport;
    expect([teacher.self_mse, teacher.self_mse_ci95]).toEqual([floors[0]!.mse, floors[0]!.ci95]);
    expect(floors[0]!.ci95[0]).toBeLessThan(floors[0]!.mse);
    expect(floors[0]!.ci95[1]).toBeGreaterThan(floors[0]!.mse);
    expect(tiny.read('run', 'samples/nfe3-loss.svg')).toContain('teacher’s own error');
    expect(warnings(events, 'near-teacher')).toEqual([]);
  });

  it('advises a better teacher where the student has come close to it', async () => {
    const tiny = project({ teacher: 'num_inference_steps: 6', student: 'num_inference_steps: [3, 5]' });
    expect((await tiny.run('run')).status).toBe('done');
    const [warning] = warnings(tiny.events('run'), 'near-teacher');
    expectSentence(warning!);
    expect(warning).toMatch(/^At 3 and 5 evaluations .* Set teacher\.num_inference_steps to 12 to learn more\.$/);
    expect(tiny.read('run', 'report.md')).toContain(warning);
  });
});

describe('too few training noises', () => {
  const config = { student: 'num_inference_steps: 5', training: 'iterations: 8', objective: 'relax_radius: 0' };

  it('are found out when the table has learned them by heart', async () => {
    const [warning, ...more] = warnings(await learned(config, 6), 'too-few-noises');
    expectSentence(warning!);
    expect(warning).toMatch(
      /^At 5 evaluations learning came to a loss of .* on its 6 training noises, but .* Raise training\.samples to \d+\.$/,
    );
    expect(more).toEqual([]);
  });

  it('are not blamed where there are enough', async () => {
    expect(warnings(await learned(config, 256), 'too-few-noises')).toEqual([]);
  });
});

describe('settings that reach the optimiser', () => {
  it('the relaxed objective moves noises within their radius, and says how far', async () => {
    const tiny = project({ training: 'iterations: 3' });
    expect((await tiny.run('run')).status).toBe('done');
    const shifts = ofKind(tiny.events('run'), 'step').slice(1);
    for (const { noiseShift } of shifts) {
      expect(noiseShift!.mean).toBeGreaterThan(0);
      expect(noiseShift!.largest).toBeLessThan(1.001);
    }
    expect(tiny.read('run', 'report.md')).toMatch(
      /moved start noises by [\d.]+ % of their radius on average, at most by/,
    );
    const hard = await learned({ training: 'iterations: 1', objective: 'relax_radius: 0' });
    expect(ofKind(hard, 'step').map(({ noiseShift }) => noiseShift)).toEqual([null, null]);
  });

  it('schedule, warm-up and average of Adam', async () => {
    const base = 'optimizer: adam, iterations: 20, learning_rate: 0.02';
    const variants = ['', ', learning_rate_schedule: constant', ', warmup: 0.5', ', ema: 0'];
    const losses: number[] = [];
    for (const variant of variants) {
      const events = await learned({ training: base + variant, objective: 'relax_radius: 0' });
      losses.push(ofKind(events, 'step').at(-1)!.validationLoss!);
    }
    expect(new Set(losses).size).toBe(4);
  });
});
