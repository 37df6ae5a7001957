import { readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseResolved } from '../../src/config';
import type { ResultRow, RunReport } from '../../src/protocol';
import { expectSentence, ofKind, TinyProject } from '../support/tiny-run';

const projects: TinyProject[] = [];
function project(...config: ConstructorParameters<typeof TinyProject>): TinyProject {
  const made = new TinyProject(...config);
  projects.push(made);
  return made;
}
afterAll(() => {
  for (const { folder } of projects) rmSync(folder, { recursive: true, force: true });
});

describe('a run', () => {
  let tiny: TinyProject;
  beforeAll(async () => {
    tiny = project({ student: 'num_inference_steps: [3, 4, 5]' });
    const outcome = await tiny.run('first');
    expect(outcome.message).toMatch(/^3 evaluations: mse .* times lower/);
    expect(outcome.status).toBe('done');
  });

  it('logs everything, from run-started to finished without a gap', () => {
    const events = tiny.events('first');
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i));
    expect(events[0]).toMatchObject({ kind: 'run-started', name: 'first', nfes: [3, 4, 5], resumed: false });
    expect(events.at(-1)).toMatchObject({ kind: 'finished', status: 'done' });
    const fractions = ofKind(events, 'progress').map(({ fraction }) => fraction);
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
    for (const nfe of [3, 4, 5]) {
      const steps = ofKind(events, 'step').filter((step) => step.nfe === nfe);
      expect(steps.map(({ iteration }) => iteration)).toEqual(steps.map((_, i) => i));
      expect(steps.length).toBeGreaterThan(2);
      expect(ofKind(events, 'baseline').filter((baseline) => baseline.nfe === nfe).length).toBeGreaterThan(20);
    }
  });

  it('keeps a table that is never worse than the best classic one on validation', () => {
    const events = tiny.events('first');
    for (const nfe of [3, 4, 5]) {
      const tables = ofKind(events, 'table').filter((table) => table.nfe === nfe);
      const losses = tables.map(({ validationLoss }) => validationLoss);
      expect(losses).toEqual(losses.toSorted((a, b) => b! - a!));
      expect(tables.map(({ learned }) => learned)).toEqual(tables.map((_, i) => i > 0));
      const classics = ofKind(events, 'baseline').filter((baseline) => baseline.nfe === nfe);
      expect(losses[0]).toBe(Math.min(...classics.map(({ validationLoss }) => validationLoss)));
    }
  });

  it('writes a report of exactly the published shape', () => {
    const report = JSON.parse(tiny.read('first', 'report.json')) as RunReport;
    expect(Object.keys(report)).toEqual(['teacher', 'results', 'solvers']);
    expect(Object.keys(report.teacher).toSorted()).toEqual([
      'accuracy',
      'fd',
      'num_inference_steps',
      'self_mse',
      'self_mse_ci95',
      'solver',
    ]);
    expect(report.teacher).toMatchObject({ num_inference_steps: 12, accuracy: null, fd: null });
    expect(report.teacher.self_mse).toBeGreaterThan(0);
    expect(report.solvers.map(({ nfe, seed, seeds }) => [nfe, seed, seeds.length])).toEqual([
      [3, 0, 1],
      [4, 0, 1],
      [5, 0, 1],
    ]);
    const keys = ['accuracy', 'fd', 'learned', 'mse', 'mse_ci95', 'nfe', 'solver', 'spacing'];
    for (const row of report.results) {
      expect(Object.keys(row).toSorted()).toEqual(keys);
      expect(row.mse_ci95[0]).toBeLessThanOrEqual(row.mse);
      expect(row.mse_ci95[1]).toBeGreaterThanOrEqual(row.mse);
    }
    const best = (rows: readonly ResultRow[]): number => Math.min(...rows.map(({ mse }) => mse));
    for (const nfe of [3, 4, 5]) {
      const [learned, classics] = [true, false].map((kind) =>
        report.results.filter((row) => row.nfe === nfe && row.learned === kind),
      );
      expect(learned).toHaveLength(1);
      expect(best(learned!)).toBeLessThan(best(classics!));
    }
  });

  it('writes its resolved config, a solver file without paths, previews and a readable report', () => {
    const config = parseResolved(tiny.read('first', 'config.resolved.yaml'));
    expect(config.model.path).toBe(tiny.model);
    expect(tiny.read('first', 'solver.json')).not.toContain(tiny.folder);
    const names = readdirSync(join(tiny.folder, 'runs/first/samples')).filter((name) => name.endsWith('.png'));
    expect(names.toSorted()).toEqual(
      ['teacher.png', ...[3, 4, 5].flatMap((nfe) => [`nfe${nfe}-classic.png`, `nfe${nfe}-learned.png`])].toSorted(),
    );
    for (const preview of ofKind(tiny.events('first'), 'preview')) {
      const { width, height, data } = decode(readFileSync(tiny.path('first', preview.file)));
      expect([width, height]).toEqual([preview.width, preview.height]);
      expect(new Set(data).size).toBeGreaterThan(1);
    }
    const report = tiny.read('first', 'report.md');
    for (const file of report.matchAll(/\]\((samples\/[^)]+)\)/g)) expect(tiny.has('first', file[1]!)).toBe(true);
    expect(report).toContain('times lower than the best classic solver');
  });

  it('leaves no temporary file', () => {
    const names = readdirSync(join(tiny.folder, 'runs'), { recursive: true, encoding: 'utf8' });
    expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('gives the same solver.json for the same seed, and takes the teacher from the cache', async () => {
    const cache = join(tiny.folder, 'runs/.teacher-cache');
    const stamps = (): number[] => readdirSync(cache).map((name) => statSync(join(cache, name)).mtimeMs);
    const before = stamps();
    const seconds: number[] = [];
    await tiny.run('second', {}, (event) => {
      if (event.kind === 'progress' && event.phase === 'teacher') seconds.push(event.fraction);
    });
    expect(tiny.solver('second')).toBe(tiny.solver('first'));
    expect(stamps()).toEqual(before);
    // Nothing was evaluated during the teacher's phase: it only says what it does.
    expect(seconds.every((fraction) => fraction === 0)).toBe(true);
  });

  it('makes torn and changed teacher samples again', async () => {
    const cache = join(tiny.folder, 'runs/.teacher-cache');
    const [torn, changed] = readdirSync(cache).map((name) => join(cache, name));
    const before = [readFileSync(torn!), readFileSync(changed!)];
    truncateSync(torn!, 17);
    const bytes = readFileSync(changed!);
    bytes[3]! ^= 1;
    writeFileSync(changed!, bytes);
    await tiny.run('third');
    expect([readFileSync(torn!), readFileSync(changed!)]).toEqual(before);
    expect(tiny.solver('third')).toBe(tiny.solver('first'));
  });

  it('shows samples of the newest learned table without learning', async () => {
    const { status } = await tiny.run('look', { task: 'preview' });
    expect(status).toBe('done');
    const shown = ofKind(tiny.events('look'), 'preview').map(({ nfe, which }) => `${nfe} ${which}`);
    expect(shown).toEqual(['0 teacher', ...[3, 4, 5].flatMap((nfe) => [`${nfe} classic`, `${nfe} learned`])]);
    expect(ofKind(tiny.events('look'), 'warning')).toEqual([]);
    const same = ['samples/teacher.png', 'samples/nfe3-learned.png'].map((file) =>
      readFileSync(tiny.path('look', file)).equals(readFileSync(tiny.path('first', file))),
    );
    expect(same).toEqual([true, true]);
  });

  it('refuses to go on with another model', async () => {
    writeFileSync(tiny.model, Buffer.concat([readFileSync(tiny.model), Buffer.from([0x12, 0x01, 0x78])]));
    const { status, message } = await tiny.run('first', { resume: true });
    expect(status).toBe('failed');
    expect(message).toMatch(
      /gmm\.onnx \(model\.path\) has changed since .* Start a new run, or put the old file back\.$/,
    );
  });
});

describe('a stopped run', () => {
  const methods = {
    'table with Gauss–Newton': { student: 'method: table, num_inference_steps: [3, 4]', training: 'iterations: 5' },
    'two seeds for two numbers of evaluations': {
      student: 'method: table, num_inference_steps: [3, 4]',
      training: 'iterations: 3, seeds: 2',
    },
    's4s with Gauss–Newton': {
      student: 'method: s4s, order: 3, num_inference_steps: 3',
      training: 'optimizer: gauss_newton, iterations: 8',
    },
    's4s-alt with Gauss–Newton': {
      student: 'method: s4s-alt, order: 2, num_inference_steps: 3',
      training: 'optimizer: gauss_newton, iterations: 8',
    },
    's4s with Adam': {
      student: 'method: s4s, order: 3, num_inference_steps: 3',
      training: 'optimizer: adam, iterations: 40, learning_rate: 0.02',
    },
    's4s-alt with Adam': {
      student: 'method: s4s-alt, order: 2, num_inference_steps: 3',
      training: 'optimizer: adam, iterations: 60, learning_rate: 0.02',
    },
  };

  it.each(Object.entries(methods))('ends in the same solver when it goes on: %s', async (_name, config) => {
    const tiny = project(config);
    expect((await tiny.run('whole')).status).toBe('done');
    expect(tiny.solver('whole')).toContain('"learned": true');
    const total = tiny.events('whole').length;
    // Whatever it is doing: teacher, classics, learning (mostly) or evaluation.
    const moments = [0.2, 0.55, 0.8].map((share) => Math.floor(total * share));
    let cancelled = 0;
    let seen = 0;
    let outcome = await tiny.runUntil('parts', ({ seq }) => seq === moments[0]);
    while (outcome.status === 'cancelled' && cancelled < 10) {
      cancelled += 1;
      expectSentence(outcome.message);
      const events = tiny.events('parts');
      expect(events.at(-1)).toMatchObject({ kind: 'finished', status: 'cancelled' });
      seen = events.length;
      const next = moments[cancelled];
      const controller = new AbortController();
      outcome = await tiny.run(
        'parts',
        { resume: true },
        ({ seq }) => {
          if (next !== undefined && seq >= Math.max(next, seen + 4)) controller.abort();
        },
        controller.signal,
      );
    }
    expect(cancelled).toBeGreaterThanOrEqual(2);
    expect(outcome.status).toBe('done');
    const events = tiny.events('parts');
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i));
    expect(ofKind(events, 'run-started').map(({ resumed }) => resumed)).toEqual([
      false,
      ...Array<boolean>(cancelled).fill(true),
    ]);
    expect(tiny.solver('parts')).toBe(tiny.solver('whole'));
  });

  it('keeps the step it was in the middle of telling about', async () => {
    const tiny = project({ training: 'iterations: 5' });
    await tiny.runUntil('stop', (event) => event.kind === 'step' && event.iteration === 2);
    const checkpoints = ofKind(tiny.events('stop'), 'checkpoint');
    expect(checkpoints.at(-1)).toMatchObject({ nfe: 3, iteration: 2 });
    await tiny.run('stop', { resume: true });
    const steps = ofKind(tiny.events('stop'), 'step').map(({ iteration }) => iteration);
    expect(steps).toEqual(steps.map((_, i) => i));
  });

  it('says that there is nothing to resume in a folder without a run', async () => {
    const { status, message } = await project().run('nothing', { resume: true });
    expect(status).toBe('failed');
    expect(message).toMatch(/holds no run to resume: config\.resolved\.yaml is missing\./);
  });
});

describe('the device', () => {
  it('falls back to the CPU with a warning, or works', async () => {
    const tiny = project({ device: 'webgpu', training: 'iterations: 1' });
    expect((await tiny.run('gpu')).status).toBe('done');
    const [device] = ofKind(tiny.events('gpu'), 'device');
    expect(device?.requested).toBe('webgpu');
    // That a tiny model's student comes close to its teacher has nothing to do with the device.
    const warnings = ofKind(tiny.events('gpu'), 'warning')
      .filter(({ code }) => code !== 'near-teacher')
      .map(({ code, message }) => ({ code, message }));
    if (device?.used === 'webgpu') expect(warnings).toEqual([]);
    else {
      expect(device?.used).toBe('cpu');
      expect(device?.reason).toMatch(/^webgpu does not work here: .*\. The CPU is used\.$/);
      expect(warnings).toEqual([{ code: 'device-fallback', message: device?.reason }]);
    }
  });
});
