import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
  gaussNewton: [{ damping: 1e-3, differenceStep: 0.1 }],
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
const inputs = [
  { key: 'model.path', path: '/project/model.onnx', sha256: 'abc' },
  { key: 'objective.network', path: '/project/vgg.onnx', sha256: 'def' },
];
const checkpoint = (): Checkpoint => ({
  inputs,
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
  expect(loadCheckpoint(folder, inputs)).toEqual(checkpoint());
});

it('keeps the seed with the lowest validation loss, the first of equal ones', () => {
  const [one, two] = checkpoint().solvers;
  expect(keptSeed(one!)?.seed).toBe(0);
  const [first, second] = one!.seeds;
  expect(keptSeed({ ...one!, seeds: [second!, first!, first!] })?.seed).toBe(1);
  expect(keptSeed(two!)).toBeUndefined();
});

it('is absent from a fresh folder', () => {
  expect(loadCheckpoint(folder, inputs)).toBeUndefined();
});

const write = (text: string): void => writeFileSync(folder.file('checkpoint.json'), text);

it('is refused with another file, which is named', async () => {
  await saveCheckpoint(folder, checkpoint());
  const [model, network] = inputs.map((input) => ({ ...input, sha256: 'other' }));
  expect(() => loadCheckpoint(folder, [inputs[0]!, network!])).toThrow(
    /^\/project\/vgg\.onnx \(objective\.network\) has changed since .* Start a new run, or put the old file back\.$/,
  );
  expect(() => loadCheckpoint(folder, [model!, network!])).toThrow(/^\/project\/model\.onnx \(model\.path\) has/);
  expect(() => loadCheckpoint(folder, [...inputs, { ...model!, key: 'objective.sample_weights' }])).toThrow(
    /\(objective\.sample_weights\) has changed/,
  );
});

it('is refused from another version, and when it is torn', () => {
  write('{"version":1,"modelHash":"abc","solvers":[]}');
  expect(() => loadCheckpoint(folder, inputs)).toThrow(/another version of S4S Studio\. Start a new run/);
  for (const text of ['', '{"version":3,"inputs":[],"sol', 'null', '{"version":3,"inputs":[]}']) {
    write(text);
    expect(() => loadCheckpoint(folder, inputs), text).toThrow(/checkpoint\.json is damaged\. Start a new run/);
  }
});

it('is refused when anything in it was changed', async () => {
  await saveCheckpoint(folder, checkpoint());
  const whole = readFileSync(folder.file('checkpoint.json'), 'utf8');
  const theta = /theta\\":\{\\"type\\":\\"f64\\",\\"base64\\":\\"([^\\]+)/.exec(whole)![1]!;
  const other = theta.startsWith('A') ? 'B' : 'A';
  const changes: [from: string | RegExp, to: string][] = [
    [theta, `${other}${theta.slice(1)}`],
    [theta, theta.slice(0, 12)],
    [/"state":"(\\"|[^"])*"/, '"state":"{}"'],
    ['"solver":"DDIM"', '"solver":"LMS"'],
    [/"baselines":\[\{[^\]]*\]/, '"baselines":[]'],
    ['"learnedMs":42', '"learnedMs":"x"'],
    ['"sha256":"def"', '"sha256":"dee"'],
  ];
  for (const [from, to] of changes) {
    const text = whole.replace(from, to);
    expect(text).not.toBe(whole);
    write(text);
    expect(() => loadCheckpoint(folder, inputs), to).toThrow(/checkpoint\.json is damaged\. Start a new run/);
  }
});
