import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { hashModel } from './model-hash';

const folder = mkdtempSync(join(tmpdir(), 's4s-hash-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, content: string | Uint8Array) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const sha = (text: string | Uint8Array) => createHash('sha256').update(text).digest('hex');

it('of a single file is what sha256sum prints', async () => {
  expect(await hashModel(file('m', 'model'), [])).toBe(sha('model'));
  const long = new Uint8Array(9 * 2 ** 20).fill(7);
  expect(await hashModel(file('long', long), [])).toBe(sha(long));
});

it('changes with every file of weights', async () => {
  const model = file('m', 'model');
  const weights = [file('a', 'one'), file('b', 'two')];
  const first = await hashModel(model, weights);
  expect(first).toBe(sha([sha('model'), sha('one'), sha('two')].join('\n')));
  file('b', 'changed');
  expect(await hashModel(model, weights)).not.toBe(first);
});

it('stops when it is told to', async () => {
  await expect(hashModel(file('m', 'model'), [], AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
});
