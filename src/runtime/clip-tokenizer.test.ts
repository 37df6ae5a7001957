import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClipTokenizer } from './clip-tokenizer';

const stored = 'test/data/sd-tiny/tokenizer';
const { tokens } = JSON.parse(readFileSync('test/data/sd-tiny/reference.json', 'utf8')) as {
  tokens: { prompt: string; ids: number[] }[];
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 's4s-tokenizer-'));
  cpSync(stored, folder, { recursive: true });
  rmSync(join(folder, 'tokenizer.json'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the tokens of transformers', () => {
  it.each([
    ['tokenizer.json', () => stored],
    ['vocab.json and merges.txt', () => folder],
  ])('from %s', async (_, where) => {
    const tokenizer = await ClipTokenizer.open(where());
    for (const { prompt, ids } of tokens) expect(tokenizer.encode(prompt).ids, prompt).toEqual(ids);
  });

  it('say how many did not fit', async () => {
    const tokenizer = await ClipTokenizer.open(stored);
    const dropped = tokens.map(({ prompt }) => tokenizer.encode(prompt).dropped);
    // 20 × 6 words with start and end, of which 77 are kept.
    expect(dropped).toEqual([0, 0, 0, 0, 0, 45]);
  });
});

describe('a tokenizer with files of its own', () => {
  const withConfig = async (changes: object): Promise<ClipTokenizer> => {
    const config = JSON.parse(readFileSync(join(stored, 'tokenizer_config.json'), 'utf8')) as object;
    writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify({ ...config, ...changes }));
    return ClipTokenizer.open(folder);
  };

  it('fills up with its pad token, which may be written as an object', async () => {
    const tokenizer = await withConfig({ pad_token: { __type: 'AddedToken', content: '!' } });
    expect(tokenizer.encode('a').ids.slice(0, 5)).toEqual([...tokens[4]!.ids.slice(0, 1), 320, 554, 0, 0]);
  });

  it('takes an older folder by its special_tokens_map.json', async () => {
    writeFileSync(join(folder, 'special_tokens_map.json'), JSON.stringify({ pad_token: '!' }));
    expect((await withConfig({})).encode('a').ids.at(-1)).toBe(0);
    expect((await withConfig({ added_tokens_decoder: {} })).encode('a').ids.at(-1)).toBe(554);
  });

  it('takes 77 tokens where no limit is stated', async () => {
    expect((await withConfig({ model_max_length: 1e30 })).encode('a').ids).toHaveLength(77);
  });

  it('is refused in one sentence without its files', async () => {
    rmSync(join(folder, 'merges.txt'));
    await expect(ClipTokenizer.open(folder)).rejects.toThrow(/merges\.txt cannot be read: there is no such file/);
    rmSync(join(folder, 'vocab.json'));
    await expect(ClipTokenizer.open(folder)).rejects.toThrow(/holds neither tokenizer\.json nor vocab\.json/);
  });
});
