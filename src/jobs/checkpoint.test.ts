import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { LearnState } from '../learn/learn';
import { loadCheckpoint, saveCheckpoint } from './checkpoint';
import type { Checkpoint } from './checkpoint';
import { RunFolder } from './run-folder';

let folder: RunFolder;
beforeEach(() => {
  folder = new RunFolder(mkdtempSync(join(tmpdir(), 's4s-checkpoint-')), () => {});
});
afterEach(() => rmSync(folder.path, { recursive: true, force: true }));

const state: LearnState = {
  iteration: 3,
  theta: Float64Array.of(0.1, -1 / 3, 1e-300),
  evaluations: 12,
  best: {
    table: { nfe: 1, times: [999], start: [1, 0.1], rows: [[1 / 7]], prediction: 'data', space: 'vp' },
    validationLoss: 1e-9,
    iteration: 2,
    learned: true,
  },
  rejected: 0,
  stale: 1,
  reference: Float64Array.of(0.1, 0.2),
  gaussNewton: { damping: 1e-3, differenceStep: 0.1 },
  adam: [{ first: Float64Array.of(1, 2, 3), second: new Float64Array(3), count: 4 }],
  average: Float64Array.of(0.1, 0.2, 0.3),
  noises: Float32Array.of(0.1, 0.2),
  reach: Float64Array.of(0.5),
  finished: false,
};
const checkpoint = (): Checkpoint => ({
  modelHash: 'abc',
  learnedMs: 42,
  solvers: [
    {
      nfe: 1,
      baselines: [{ solver: 'DDIM', spacing: 'uniform', validationLoss: 0.5 }],
      startedFrom: { solver: 'DDIM', spacing: 'uniform' },
      state,
      results: null,
    },
    { nfe: 2, baselines: [], startedFrom: null, state: null, results: null },
  ],
});

it('comes back bit for bit', async () => {
  await saveCheckpoint(folder, checkpoint());
  expect(loadCheckpoint(folder, 'abc')).toEqual(checkpoint());
});

it('is absent from a fresh folder', () => {
  expect(loadCheckpoint(folder, 'abc')).toBeUndefined();
});

it('is refused with another model, from another version, and when damaged', async () => {
  await saveCheckpoint(folder, checkpoint());
  expect(() => loadCheckpoint(folder, 'other')).toThrow(/model file has changed .* put the old model back/);
  const write = (text: string): void => writeFileSync(folder.file('checkpoint.json'), text);
  write('{"version":2,"modelHash":"abc","solvers":[]}');
  expect(() => loadCheckpoint(folder, 'abc')).toThrow(/another version of S4S Studio\. Start a new run/);
  for (const text of ['', '{"version":1,"modelHash":"abc","sol', 'null', '{"version":1,"modelHash":"abc"}']) {
    write(text);
    expect(() => loadCheckpoint(folder, 'abc'), text).toThrow(/checkpoint\.json is damaged\. Start a new run/);
  }
});
