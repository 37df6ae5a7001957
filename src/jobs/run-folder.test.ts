import type * as Fs from 'node:fs';
import type * as FsPromises from 'node:fs/promises';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { LoggedEvent } from '../protocol';
import { RunFolder } from './run-folder';

const faults = vi.hoisted(() => ({
  append: undefined as ((path: string, text: string) => void) | undefined,
  rename: undefined as (() => void) | undefined,
}));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof Fs>();
  const appendFileSync = (path: string, text: string): void => {
    faults.append?.(path, text);
    fs.appendFileSync(path, text);
  };
  return { ...fs, appendFileSync };
});
vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof FsPromises>();
  const rename = async (from: string, to: string): Promise<void> => {
    faults.rename?.();
    await fs.rename(from, to);
  };
  return { ...fs, rename };
});

const systemError = (code: string): Error => Object.assign(new Error(`${code}: test`), { code });

let path: string;
let streamed: LoggedEvent[];
const warning = (message: string) => ({ kind: 'warning', code: 'test', message }) as const;
let last: RunFolder | undefined;
/** As another process would: this one's lock has to go first. */
const open = (): RunFolder => {
  last?.close();
  last = new RunFolder(path, (event) => streamed.push(event));
  last.open();
  return last;
};
const log = (): string => readFileSync(join(path, 'events.jsonl'), 'utf8');
const logged = (): { seq: number; message: string }[] =>
  log()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { seq: number; message: string });

beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 's4s-folder-')), 'run');
  streamed = [];
});
afterEach(() => {
  last?.close();
  faults.append = undefined;
  faults.rename = undefined;
  rmSync(join(path, '..'), { recursive: true, force: true });
});

it('numbers events without gaps over two processes, and drops a torn last line', () => {
  const first = open();
  first.emit(warning('one'));
  first.emit(warning('two'));
  appendFileSync(join(path, 'events.jsonl'), '{"kind":"warning","seq":2,"at":1,"mess');
  const second = open();
  second.emit(warning('three'));
  expect(logged().map(({ seq, message }) => [seq, message])).toEqual([
    [0, 'one'],
    [1, 'two'],
    [2, 'three'],
  ]);
  expect(streamed.map(({ seq }) => seq)).toEqual([0, 1, 2]);
});

it('survives a log that is one torn line', () => {
  open();
  writeFileSync(join(path, 'events.jsonl'), '{"kind":');
  open().emit(warning('first'));
  expect(logged().map(({ seq }) => seq)).toEqual([0]);
});

it('touches nothing before it is opened', () => {
  const folder = new RunFolder(path, (event) => streamed.push(event));
  folder.emit(warning('lost'));
  expect(existsSync(path)).toBe(false);
  expect(streamed).toHaveLength(1);
});

it('drops half a line that a full disk took, and can still say goodbye', () => {
  const folder = open();
  folder.emit(warning('one'));
  faults.append = (file, text) => {
    writeFileSync(file, text.slice(0, 10), { flag: 'a' });
    throw systemError('ENOSPC');
  };
  expect(() => folder.emit(warning('two'))).toThrow(
    expect.objectContaining({ code: 'ENOSPC', path: join(path, 'events.jsonl') }),
  );
  folder.emit({ kind: 'finished', status: 'failed', message: 'full', report: null });
  expect(streamed.map(({ kind, seq }) => [kind, seq])).toEqual([
    ['warning', 0],
    ['finished', 1],
  ]);
  expect(logged().map(({ message }) => message)).toEqual(['one']);
  faults.append = undefined;
  open().emit(warning('three'));
  expect(logged().map(({ seq, message }) => [seq, message])).toEqual([
    [0, 'one'],
    [1, 'three'],
  ]);
});

it('leaves the old file and no temporary one when a write fails', async () => {
  const folder = open();
  await folder.write('checkpoint.json', 'old');
  faults.rename = () => {
    throw systemError('ENOSPC');
  };
  await expect(folder.write('checkpoint.json', 'new')).rejects.toMatchObject({
    code: 'ENOSPC',
    path: join(path, 'checkpoint.json'),
  });
  expect(folder.read('checkpoint.json')).toBe('old');
  expect(existsSync(join(path, `checkpoint.json.${process.pid}.tmp`))).toBe(false);
});

it('waits for a reader that holds the old file, as on Windows', async () => {
  const folder = open();
  let refusals = 3;
  faults.rename = () => {
    if (refusals-- > 0) throw systemError('EPERM');
  };
  await folder.write('samples/a.png', Uint8Array.from([1, 2, 3]));
  expect(Array.from(readFileSync(folder.file('samples/a.png')))).toEqual([1, 2, 3]);
});

it('sweeps up what a killed process left half written', () => {
  open();
  writeFileSync(join(path, 'checkpoint.json.4711.tmp'), 'half');
  writeFileSync(join(path, 'samples/teacher.png.4711.tmp'), 'half');
  writeFileSync(join(path, 'notes.tmp'), 'the user’s');
  open();
  expect(
    ['checkpoint.json.4711.tmp', 'samples/teacher.png.4711.tmp', 'notes.tmp'].map((name) =>
      existsSync(join(path, name)),
    ),
  ).toEqual([false, false, true]);
});
