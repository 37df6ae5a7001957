import { describe, expect, it } from 'vitest';
import { parseLoggedEvent, type LoggedEvent, type RunEvent } from '../src/protocol/events';
import type { RunInfo } from '../src/protocol/server';
import text from '../test/data/page/run/events.jsonl?raw';
import { bestLearning, comparableFloor, emptyState, reduce, runState, type PageState } from './state';

const log = text.split('\n').flatMap((line) => parseLoggedEvent(line) ?? []);

const hydrate = (events: readonly LoggedEvent[]): PageState =>
  reduce(emptyState, { kind: 'hydrate', run: null, runBase: 'base', events });

const number = (events: readonly RunEvent[]): LoggedEvent[] => events.map((event, seq) => ({ ...event, seq, at: seq }));

const step = (iteration: number, validationLoss: number, seed = 0): RunEvent => ({
  kind: 'step',
  nfe: 5,
  seed,
  iteration,
  trainLoss: validationLoss,
  validationLoss,
  bestValidationLoss: validationLoss,
  evaluations: iteration * 10,
  noiseShift: null,
  accepted: true,
});

const started = (resumed: boolean): RunEvent => ({
  kind: 'run-started',
  version: 1,
  task: 'learn',
  name: 'digits',
  configPath: '/digits/solver.yaml',
  resumed,
  teacher: 'unipc-3, 20 steps',
  method: 'table',
  nfes: [5],
  seeds: 1,
  loss: 'mse',
});

const finished: RunEvent = { kind: 'finished', status: 'cancelled', message: 'Stopped.', report: null };

describe('page state', () => {
  it('is the same whether a log is replayed at once or followed live from any point', () => {
    const whole = hydrate(log);
    for (const cut of [0, 1, 60, 150, log.length]) {
      const live = log
        .slice(cut)
        .reduce((state, event) => reduce(state, { kind: 'event', event }), hydrate(log.slice(0, cut)));
      expect(live).toEqual(whole);
    }
  });

  it('collects a run of two solvers', () => {
    const state = hydrate(log);
    expect(
      state.solvers.map(({ nfe, learnings, baselines }) => [nfe, learnings[0]?.steps.length, baselines.length]),
    ).toEqual([
      [4, 15, 28],
      [5, 23, 28],
    ]);
    const [, five] = state.solvers;
    expect(five?.startTable?.learned).toBe(false);
    expect(five?.learnedTable?.table.rows).toHaveLength(5);
    expect(state.teacherPreview?.src).toMatch(/^base\/samples\/teacher\.png\?v=\d+$/);
    expect(runState(state)).toBe('done');
  });

  it('ignores an event that comes twice', () => {
    const state = hydrate(log);
    for (const event of log.slice(-30)) expect(reduce(state, { kind: 'event', event })).toBe(state);
  });

  it('forgets the run before when another one is shown', () => {
    expect(reduce(hydrate(log), { kind: 'hydrate', run: null, runBase: 'base', events: log.slice(0, 9) })).toEqual(
      hydrate(log.slice(0, 9)),
    );
  });

  it('goes back to the checkpoint when a run is resumed', () => {
    const events = [
      started(false),
      step(1, 3),
      step(2, 2),
      step(3, 1),
      finished,
      started(true),
      step(3, 0.9),
      step(4, 0.8),
    ];
    const state = hydrate(number(events));
    expect(state.solvers[0]?.learnings[0]?.steps.map(({ iteration, trainLoss }) => [iteration, trainLoss])).toEqual([
      [1, 3],
      [2, 2],
      [3, 0.9],
      [4, 0.8],
    ]);
    expect(state.finished).toBeNull();
  });

  it('keeps seeds apart, and knows the best one', () => {
    const ended: RunEvent = {
      kind: 'learning-ended',
      nfe: 5,
      seed: 0,
      reason: 'no-clear-gain',
      iteration: 2,
      trainLoss: 1,
      validationLoss: 2,
      validationCi95: [1, 3],
    };
    const events = [started(false), step(1, 3), step(2, 2), ended, step(1, 4, 1), step(2, 1, 1)];
    const best = (shown: readonly RunEvent[]): number | undefined => {
      const state = hydrate(number(shown));
      return bestLearning(state, state.solvers[0]!)?.seed;
    };
    const [solver] = hydrate(number(events)).solvers;
    expect(solver?.learnings.map(({ seed, steps, ended }) => [seed, steps.length, ended?.reason])).toEqual([
      [0, 2, 'no-clear-gain'],
      [1, 2, undefined],
    ]);
    expect(best(events.slice(0, 5))).toBe(0);
    expect(best(events)).toBe(1);
    // A resumed run goes on with a learning that a budget had ended.
    expect(hydrate(number([...events, step(3, 1)])).solvers[0]?.learnings[0]?.ended).toBeNull();
  });

  it('holds the teacher’s own error, an mse, against no other loss', () => {
    const floor: RunEvent = { kind: 'teacher-floor', mse: 0.004, ci95: [0.003, 0.005], samples: 64 };
    const shown = (loss: string): number | null =>
      comparableFloor(hydrate(number([{ ...started(false), loss } as RunEvent, floor])));
    expect([shown('mse'), shown('LPIPS'), shown('weighted mse')]).toEqual([0.004, null, null]);
    expect(comparableFloor(hydrate(number([started(false)])))).toBeNull();
    expect(comparableFloor(emptyState)).toBeNull();
  });

  it('loads a grid again when it was written again', () => {
    const preview: RunEvent = {
      kind: 'preview',
      nfe: 5,
      which: 'learned',
      label: 'table',
      file: 'samples/nfe 5.png',
      columns: 4,
      rows: 4,
      width: 134,
      height: 134,
    };
    const sources = [1, 2]
      .map((n) => hydrate(number([started(false), preview, preview].slice(0, n + 1))))
      .map((state) => state.solvers[0]?.learnedPreview?.src);
    expect(sources).toEqual(['base/samples/nfe%205.png?v=1', 'base/samples/nfe%205.png?v=2']);
  });

  it('counts equal warnings', () => {
    const warning: RunEvent = { kind: 'warning', code: 'nan', message: 'A step gave no number.' };
    expect(hydrate(number([warning, warning])).warnings).toEqual([
      { code: 'nan', message: 'A step gave no number.', count: 2 },
    ]);
  });

  it('takes the state of a run from the window first, then from its log', () => {
    const run: RunInfo = {
      runDir: '/runs/1',
      configPath: '/solver.yaml',
      task: 'learn',
      state: 'crashed',
      resumable: true,
      pid: null,
      message: 'The job died.',
    };
    expect(runState(emptyState)).toBeNull();
    expect(runState(hydrate(number([started(false)])))).toBe('interrupted');
    expect(runState(hydrate(number([started(false), finished])))).toBe('cancelled');
    expect(runState(reduce(hydrate(number([started(false)])), { kind: 'run', run }))).toBe('crashed');
  });
});
