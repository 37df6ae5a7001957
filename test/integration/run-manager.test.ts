import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RunManager } from '../../src/backend/run-manager';
import type { GraceTimes } from '../../src/backend/run-process';
import type { LoggedEvent, RunInfo } from '../../src/protocol';

const jobPath = resolve('test/data/backend/fake-job.mjs');

let folder: string;
let runs: RunManager;
let events: LoggedEvent[];
/** Folders of runs that have taken a step. */
let stepped: Set<string>;
let changes: RunInfo[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 's4s-runs-'));
  events = [];
  stepped = new Set();
  changes = [];
  runs = newManager();
});

afterEach(async () => {
  await runs.shutdown(5000);
  rmSync(folder, { recursive: true, force: true });
});

const patient: GraceTimes = { cancelMs: 20_000, killMs: 5_000 };

function newManager(path = jobPath, grace = patient): RunManager {
  return new RunManager({
    jobPath: path,
    onEvent: ({ runDir, event }) => {
      events.push(event);
      if (event.kind === 'progress') stepped.add(runDir);
    },
    onChanged: (info) => changes.push(info),
    grace,
  });
}

function config(mode: string, name = 'solver.yaml'): { configPath: string; task: 'learn'; output: string } {
  const configPath = join(folder, name);
  writeFileSync(configPath, `# job: ${mode}\n`);
  return { configPath, task: 'learn', output: join(folder, 'runs') };
}

/** Waits for a state of a run; fails with what was seen instead. */
async function state(wanted: RunInfo['state']): Promise<RunInfo> {
  const deadline = Date.now() + 15_000;
  while (Date.now() < deadline) {
    const found = changes.find((info) => info.state === wanted);
    if (found !== undefined) return found;
    await new Promise((done) => setTimeout(done, 10));
  }
  throw new Error(`No run became ${wanted}; seen: ${JSON.stringify(changes)}`);
}

async function firstStep({ runDir }: { runDir: string }): Promise<void> {
  while (!stepped.has(runDir)) await new Promise((done) => setTimeout(done, 10));
}

describe('a run', () => {
  test('streams its events in order and ends', async () => {
    const started = await runs.start(config('done'));
    expect(started).toMatchObject({ state: 'running', resumable: false, message: '', task: 'learn' });
    expect(started.pid).toBeGreaterThan(0);
    expect(basename(started.runDir)).toMatch(/^solver-\d{8}-\d{6}$/);
    const ended = await state('done');
    expect(ended).toMatchObject({
      runDir: started.runDir,
      pid: null,
      resumable: false,
      message: 'Learned nothing, as asked.',
    });
    expect(events.map((event) => event.seq)).toEqual(events.map((_, i) => i));
    expect(events.at(0)?.kind).toBe('run-started');
    expect(events.at(-1)?.kind).toBe('finished');
    expect(await runs.replay(started.runDir, 0)).toEqual(events);
    expect(await runs.replay(started.runDir, 4)).toEqual(events.slice(4));
  });

  test('that logs more than it sends is heard to its end', async () => {
    await runs.start(config('silent'));
    expect((await state('done')).message).toBe('Done unheard.');
    expect(events.map((event) => event.kind)).toEqual(['run-started', 'warning', 'finished']);
  });

  test('stops when asked and can be resumed', async () => {
    const { runDir } = await runs.start(config('wait'));
    await firstStep({ runDir });
    const stopped = await runs.stop(runDir);
    expect(stopped).toMatchObject({ state: 'cancelled', resumable: true, message: 'Stopped.' });
    expect(changes.map((info) => info.state)).toEqual(['running', 'stopping', 'cancelled']);
    const before = events.length;
    const resumed = await runs.resume(runDir);
    expect(resumed).toMatchObject({ runDir, state: 'running' });
    await state('done');
    expect(events[before]).toMatchObject({ kind: 'run-started', resumed: true, seq: before });
    await expect(runs.resume(runDir)).rejects.toThrow(/is complete; start a new run/);
    // Stopping what has ended says how it ended.
    expect(await runs.stop(runDir)).toMatchObject({ state: 'done' });
  });

  test('that does not hear is ended by force', async () => {
    runs = newManager(jobPath, { cancelMs: 300, killMs: 300 });
    const { runDir } = await runs.start(config('stuck'));
    await firstStep({ runDir });
    const stopped = await runs.stop(runDir);
    expect(stopped).toMatchObject({ state: 'cancelled', resumable: false, pid: null });
    expect(stopped.message).toMatch(/ended by force/);
  });

  test('that crashes says how, and can be resumed', async () => {
    const { runDir } = await runs.start(config('crash'));
    const crashed = await state('crashed');
    expect(crashed).toMatchObject({ runDir, resumable: true, pid: null });
    expect(crashed.message).toMatch(/exit code 3.*Choose Resume.*job\.log.*onnxruntime: device lost/);
    await runs.resume(runDir);
    await state('done');
  });

  test('whose process is killed is a crash', async () => {
    const run = await runs.start(config('wait'));
    await firstStep(run);
    process.kill(run.pid ?? 0, 'SIGKILL');
    const crashed = await state('crashed');
    expect(crashed).toMatchObject({ resumable: false });
    expect(crashed.message).toMatch(/SIGKILL.*Start the run again/);
  });

  test('whose program is missing is a crash with the reason', async () => {
    runs = newManager(join(folder, 'missing-job.js'));
    await runs.start(config('done'));
    expect((await state('crashed')).message).toMatch(/exit code 1/);
  });
});

describe('refusals', () => {
  test('one run at a time for each solver.yaml, also for two requests at once', async () => {
    const order = config('wait');
    const results = await Promise.allSettled([runs.start(order), runs.start(order)]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected']);
    await expect(runs.start(order)).rejects.toThrow(/already going on \(solver-.*\); stop it first/);
    const other = await runs.start(config('wait', 'other.solver.yaml'));
    expect(basename(other.runDir)).toMatch(/^other\.solver-/);
  });

  test('no resume without a run or a checkpoint', async () => {
    await expect(runs.resume(join(folder, 'nothing'))).rejects.toThrow(/holds no run/);
    const { runDir } = await runs.start(config('wait'));
    await firstStep({ runDir });
    await expect(runs.resume(runDir)).rejects.toThrow(/already going on/);
    process.kill((await runs.list(join(folder, 'solver.yaml'), join(folder, 'runs')))[0]?.pid ?? 0, 'SIGKILL');
    await state('crashed');
    await expect(runs.resume(runDir)).rejects.toThrow(/no checkpoint/);
  });

  test('no resume in a folder that cannot be written', async () => {
    const { runDir } = await runs.start(config('crash'));
    await state('crashed');
    rmSync(join(runDir, 'job.log'));
    mkdirSync(join(runDir, 'job.log'));
    await expect(runs.resume(runDir)).rejects.toThrow(/run folder cannot be written; make room/);
    // The place of the solver.yaml is free again.
    await runs.start(config('done'));
    await state('done');
  });

  test('no folder below a file', async () => {
    const order = config('done');
    await expect(runs.start({ ...order, output: join(order.configPath, 'runs') })).rejects.toThrow(
      /choose another output/,
    );
  });
});

describe('the list', () => {
  const listed = async (manager: RunManager) => manager.list(join(folder, 'solver.yaml'), join(folder, 'runs'));

  test('shows runs of this file only, newest first, from memory and from disk', async () => {
    const first = await runs.start(config('crash'));
    await state('crashed');
    const second = await runs.start(config('done'));
    await state('done');
    const third = await runs.start(config('wait'));
    await firstStep(third);
    await runs.start(config('wait', 'other.yaml'));
    const shown = (await listed(runs)).map(({ runDir, state }) => [runDir, state]);
    expect(shown).toEqual([
      [third.runDir, 'running'],
      [second.runDir, 'done'],
      [first.runDir, 'crashed'],
    ]);
    await runs.stop(third.runDir);
    // Another window sees what the folders say.
    const seen = (await listed(newManager())).map(({ state, resumable }) => [state, resumable]);
    expect(seen).toEqual([
      ['cancelled', true],
      ['done', false],
      ['interrupted', true],
    ]);
  });

  test('is empty where nothing ran, and survives torn logs', async () => {
    expect(await listed(runs)).toEqual([]);
    const { runDir } = await runs.start(config('done'));
    await state('done');
    appendFileSync(join(runDir, 'events.jsonl'), '{"kind":"progr');
    expect(await listed(newManager())).toMatchObject([{ state: 'done' }]);
    expect((await runs.replay(runDir, 0)).at(-1)?.kind).toBe('finished');
    writeFileSync(join(runDir, 'events.jsonl'), 'nonsense');
    expect(await listed(newManager())).toEqual([]);
  });
});

test('shutdown cancels what runs, waits for it and starts nothing new', async () => {
  const { runDir } = await runs.start(config('wait'));
  await firstStep({ runDir });
  await runs.shutdown(5000);
  expect(changes.at(-1)).toMatchObject({ runDir, state: 'cancelled', resumable: true });
  await expect(runs.start(config('done'))).rejects.toThrow(/shutting down/);
});
