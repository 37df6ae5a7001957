import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { writeNpy } from '../../test/support/npy';
import { checkSolverYaml } from '../config';
import { validYaml } from '../config/fixtures';
import type { PairSet } from '../learn/pairs';
import { readSampleWeights } from './sample-weights';

const folder = mkdtempSync(join(tmpdir(), 's4s-weights-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pairsOf = (count: number): PairSet => ({
  count,
  dim: 1,
  noises: new Float32Array(count),
  targets: new Float32Array(count),
  conditions: Int32Array.from({ length: count }, (_, i) => i % 3),
});

async function read(weights: readonly number[], conditions: number, samples = 64) {
  const text = validYaml
    .replace('distance: l2', 'sample_weights: ./w.npy')
    .replace('{ samples: 64,', `{ samples: ${samples},`);
  const { config } = checkSolverYaml(text, { baseDir: folder });
  writeNpy(join(folder, 'w.npy'), [weights.length], Float64Array.from(weights));
  return readSampleWeights(config!, conditions);
}

const of = (count: number, split: 'train' | 'validation', from: Awaited<ReturnType<typeof read>>) =>
  from?.of(pairsOf(count), split)?.join();

it('of conditions count on every set, with mean 1 over the conditions', async () => {
  const weights = await read([1, 3, 2], 3);
  expect(of(5, 'train', weights)).toBe('0.5,1.5,1,0.5,1.5');
  expect(of(4, 'validation', weights)).toBe('0.5,1.5,1,0.5');
});

it('of noises count on training noises only, with mean 1 over them', async () => {
  const weights = await read([0, 1, 2, 5], 3, 4);
  expect(of(4, 'train', weights)).toBe('0,0.5,1,2.5');
  expect(of(4, 'validation', weights)).toBeUndefined();
});

it('are those of conditions where they could be either', async () => {
  expect(of(3, 'validation', await read([1, 1, 4], 3, 3))).toBe('0.5,0.5,2');
});

it('have to be as many as one of them, and numbers that can be weights', async () => {
  await expect(read([1, 2], 3)).rejects.toThrow(
    /w\.npy \(objective\.sample_weights\) holds 2 numbers; give one for each of the 64 training noises or one for each of the 3 conditions\.$/,
  );
  await expect(read([1, -2, 3], 3)).rejects.toThrow(/negative, NaN or infinite/);
  await expect(read([1, Number.NaN, 3], 3)).rejects.toThrow(/negative, NaN or infinite/);
  await expect(read([0, 0, 0], 3)).rejects.toThrow(/zeros only/);
});
