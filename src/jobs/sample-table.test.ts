import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { learnedSampleTable } from './sample-table';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 's4s-sample-table-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const table = { nfe: 1, times: [5], start: [1, 0], rows: [[1]], prediction: 'data', space: 've' };
const solver = {
  nfe: 1,
  learned: true,
  method: 'S4S table',
  table,
  started_from: { solver: 'DDIM', spacing: 'uniform' },
  validation_mse: 0.1,
  test_mse: null,
  test_mse_ci95: null,
  model_evaluations: 9,
};
const whole = {
  version: 1,
  name: 'model',
  run_id: 'first',
  model: { path: 'model.onnx', sha256: 'abc', conditioning: {}, sample_shape: [2] },
  teacher: { solver: 'UniPC-3', num_inference_steps: 20 },
  cite: [],
  solvers: [solver],
};

function read(file: object): ReturnType<typeof learnedSampleTable> {
  writeFileSync(join(folder, 'solver.json'), JSON.stringify(file));
  return learnedSampleTable(folder, undefined, 'abc');
}

it('gives the table with its name', async () => {
  expect(await read(whole)).toMatchObject({ label: 'S4S table (first)', table: { nfe: 1 } });
});

it('says what is wrong with a file that someone has changed', async () => {
  const { model: _, ...without } = whole;
  const of = (change: object): object => ({ ...whole, solvers: [{ ...solver, ...change }] });
  const cases: [file: object, message: RegExp][] = [
    [without, /is no readable solver\.json \("model" is missing\); name a finished run folder or its file\.$/],
    [of({ table: { ...table, times: ['x'] } }), /\("solvers\[0\]\.table\.times\[0\]" is not a number\)/],
    [of({ table: { ...table, rows: [[1, 2]] } }), /solver\.json holds a broken table: Row 0 of the solver table has 2/],
    [{ ...whole, version: 99 }, /it is of version 99 .*; update S4S Studio\)/],
    [{ ...whole, solvers: [] }, /holds no solvers/],
  ];
  for (const [file, message] of cases) {
    await expect(read(file)).rejects.toMatchObject({
      code: 'solver-file',
      message: expect.stringMatching(message) as string,
    });
  }
});
