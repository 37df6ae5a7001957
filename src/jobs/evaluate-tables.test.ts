import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { noiseSchedule } from '../diffusion';
import { Resamples } from '../metrics/resamples';
import { candidateTables, type Candidate } from './evaluate-candidates';
import { compared, keptResults } from './evaluate-tables';
import { evaluationText, readEvaluation } from './evaluation-file';
import type { EvaluatedTable, Evaluation, EvaluationKey } from './evaluation-file';

const schedule = noiseSchedule({ type: 'edm', sigma_min: 0.01, sigma_max: 20 });
const noGits = (): Promise<Float64Array> => Promise.reject(new Error('not asked for'));
const classic = (solver: string, order?: number) =>
  ({ solver, ...(order === undefined ? {} : { order }), spacing: 'logsnr' }) as const;

describe('candidateTables', () => {
  it('draws one table by all its names', async () => {
    const solvers = [classic('ddim'), classic('dpmpp', 1), classic('unip', 1), classic('unipc', 3)];
    const { tables, warnings } = await candidateTables(schedule, 'hash', { solvers, runs: [], nfe: [4, 5] }, noGits);
    expect(tables.map(({ nfe, names }) => [nfe, names])).toEqual([
      [4, ['DDIM · logsnr', 'DPM-Solver++ 1M · logsnr', 'UniP-1 · logsnr']],
      [4, ['UniPC-3 · logsnr']],
      [5, ['DDIM · logsnr', 'DPM-Solver++ 1M · logsnr', 'UniP-1 · logsnr']],
      [5, ['UniPC-3 · logsnr']],
    ]);
    expect(warnings).toEqual([]);
  });

  it('leaves a solver out where it cannot make the evaluations, and says so', async () => {
    const { tables, warnings } = await candidateTables(
      schedule,
      'hash',
      { solvers: [classic('rk4')], runs: [], nfe: [4, 5, 8] },
      noGits,
    );
    expect(tables.map(({ nfe }) => nfe)).toEqual([4, 8]);
    expect(warnings).toEqual(['Runge–Kutta of order 4 in σ/α cannot make 5 evaluations and is left out there.']);
    const none = candidateTables(schedule, 'hash', { solvers: [classic('rk4')], runs: [], nfe: [5] }, noGits);
    await expect(none).rejects.toThrow('cannot make 5; choose 4 or 8.');
  });
});

const row = (table: string, nfe: number, mse: number[], learned = false): EvaluatedTable => ({
  nfe,
  names: [`solver ${table}`],
  learned,
  table,
  quality: {
    mse: mse.reduce((sum, value) => sum + value, 0) / mse.length,
    mse_ci95: [0, 1],
    psnr: 1,
    psnr_ci95: [0, 1],
    sliced_wasserstein: 1,
    sliced_wasserstein_ci95: [0, 1],
    fd: null,
    fd_ci95: null,
    accuracy: null,
    accuracy_ci95: null,
    errors: mse,
  },
});

describe('compared', () => {
  it('puts the best first at each NFE, beside the best classic one on the same noises', () => {
    const diverged: EvaluatedTable = { ...row('d', 4, [0]), quality: null };
    const tables = [
      diverged,
      row('c', 4, [4, 8, 6, 2]),
      row('l', 4, [1, 2, 1.5, 0.5], true),
      row('b', 3, [1, 1, 1, 1]),
    ];
    const rows = compared(tables, new Resamples(4, 1));
    expect(rows.map(({ table }) => table)).toEqual(['b', 'l', 'c', 'd']);
    // A quarter of the error on every noise: no doubt about the ratio.
    expect(rows[1]!.comparison).toEqual({ best_classic: 'solver c', ratio: 0.25, ratio_ci95: [0.25, 0.25] });
    expect([rows[0]!.comparison, rows[2]!.comparison, rows[3]!.comparison]).toEqual([null, null, null]);
  });
});

describe('keptResults', () => {
  const candidate = (hash: string, nfe: number, names: string[], learned = true): Candidate => ({
    nfe,
    names,
    learned,
    hash,
    table: undefined as never,
  });

  it('keeps what other calls measured, adds names, and takes a name from the table it stood for', () => {
    const before = [row('old', 5, [1], true), row('same', 5, [1], true), row('other', 6, [1])];
    const kept = keptResults(before, [candidate('new', 5, ['solver old']), candidate('same', 5, ['x'], false)]);
    expect(kept.map(({ table, names, learned }) => [table, names, learned])).toEqual([
      ['same', ['solver same', 'x'], false],
      ['other', ['solver other'], false],
    ]);
  });
});

describe('evaluation.json', () => {
  const folder = mkdtempSync(join(tmpdir(), 's4s-evaluation-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const key: EvaluationKey = {
    model: 'm',
    settings: 's',
    teacher: 't',
    seed: 1,
    samples: 4,
    classifier: null,
    feature_statistics: null,
    device: 'cpu',
  };
  const evaluation: Evaluation = {
    version: 1,
    key,
    teacher: {
      solver: 't',
      num_inference_steps: 9,
      peak: 2,
      quality: { fd: null, fd_ci95: null, accuracy: null, accuracy_ci95: null },
      fd_bias: null,
      floor: null,
    },
    results: compared([row('b', 3, [0.1, 1 / 3, 2, 3]), row('a', 3, [7, 1, 1, 1])], new Resamples(4, 1)),
  };

  it('is read as it was written, and refused for another key or another file', async () => {
    const path = join(folder, 'evaluation.json');
    expect(await readEvaluation(path, key)).toBeUndefined();
    writeFileSync(path, evaluationText(evaluation));
    expect(await readEvaluation(path, key)).toEqual(evaluation);
    await expect(readEvaluation(path, { ...key, seed: 2, samples: 5 })).rejects.toThrow(
      `${path} holds results of another --seed, number of --samples; name another folder with --out, or delete that one.`,
    );
    writeFileSync(path, evaluationText(evaluation).slice(0, -9));
    await expect(readEvaluation(path, key)).rejects.toThrow('is no evaluation.json of this version');
  });
});
