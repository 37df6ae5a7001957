import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { LearnState } from '../learn/learn';
import { keptSeed, loadCheckpoint, saveCheckpoint } from './checkpoint';
import type { Checkpoint, Generalisation, LearningEnd } from './checkpoint';
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
const kept: Generalisation = {
  trainLoss: 1e-9,
  validationLoss: 1.1e-9,
  validationCi95: [1e-9, 1.2e-9],
  ratioCi95: [0.9, 1.3],
};
const ended: LearningEnd = {
  kept,
  last: { ...kept, trainLoss: 1e-10 },
  validationMse: 1.1e-9,
  validationMseCi95: [1e-9, 1.2e-9],
  noiseShift: { mean: 0.1, largest: 0.5 },
};
const checkpoint = (): Checkpoint => ({
  modelHash: 'abc',
  floor: { mse: 1e-4, ci95: [5e-5, 2e-4], samples: 24 },
  learnedMs: 42,
  solvers: [
    {
      nfe: 1,
      baselines: [{ solver: 'DDIM', spacing: 'uniform', validationLoss: 0.5 }],
      startedFrom: { solver: 'DDIM', spacing: 'uniform' },
      seeds: [
        { state, reason: 'no-clear-gain', ended },
        { state: { ...state, best: { ...state.best, validationLoss: 2e-9 } }, reason: null, ended: null },
      ],
      results: null,
    },
    { nfe: 2, baselines: [], startedFrom: null, seeds: [], results: null },
  ],
});

it('comes back bit for bit', async () => {
  await saveCheckpoint(folder, checkpoint());
  expect(loadCheckpoint(folder, 'abc')).toEqual(checkpoint());
});

it('keeps the seed with the lowest validation loss, the first of equal ones', () => {
  const [one, two] = checkpoint().solvers;
  expect(keptSeed(one!)?.seed).toBe(0);
  const [first, second] = one!.seeds;
  expect(keptSeed({ ...one!, seeds: [second!, first!, first!] })?.seed).toBe(1);
  expect(keptSeed(two!)).toBeUndefined();
});

it('is absent from a fresh folder', () => {
  expect(loadCheckpoint(folder, 'abc')).toBeUndefined();
});

it('is refused with another model, from another version, and when damaged', async () => {
  await saveCheckpoint(folder, checkpoint());
  expect(() => loadCheckpoint(folder, 'other')).toThrow(/model file has changed .* put the old model back/);
  const write = (text: string): void => writeFileSync(folder.file('checkpoint.json'), text);
  write('{"version":1,"modelHash":"abc","solvers":[]}');
  expect(() => loadCheckpoint(folder, 'abc')).toThrow(/another version of S4S Studio\. Start a new run/);
  for (const text of ['', '{"version":2,"modelHash":"abc","sol', 'null', '{"version":2,"modelHash":"abc"}']) {
    write(text);
    expect(() => loadCheckpoint(folder, 'abc'), text).toThrow(/checkpoint\.json is damaged\. Start a new run/);
  }
});
