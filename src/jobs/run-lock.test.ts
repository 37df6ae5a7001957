import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type * as Fs from 'node:fs';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { takeLock } from './run-lock';

/** What another process does meanwhile, set by a test: once, after a file was read. */
const meanwhile = vi.hoisted(() => ({ afterRead: undefined as ((path: string) => void) | undefined }));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof Fs>();
  const readFileSync = (file: string, encoding: 'utf8'): string => {
    const text = fs.readFileSync(file, encoding);
    if (!file.endsWith('run.lock')) return text;
    const act = meanwhile.afterRead;
    meanwhile.afterRead = undefined;
    act?.(file);
    return text;
  };
  return { ...fs, readFileSync };
});

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 's4s-lock-'));
  path = join(folder, 'run.lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const left = (holder: object): void => writeFileSync(path, JSON.stringify(holder));
const now = (): number => Date.now();

it('keeps a folder to one run, and gives it back', () => {
  const release = takeLock(path);
  expect(() => takeLock(path)).toThrow(/in use by another run \(process \d+, since \d{4}-.*delete .*run\.lock\.$/);
  release();
  expect(existsSync(path)).toBe(false);
  takeLock(path)();
});

it('respects a living process and takes over from one that has gone', async () => {
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const holder = { pid: other.pid!, since: now(), started: null };
  left(holder);
  expect(() => takeLock(path)).toThrow(new RegExp(`process ${other.pid},`));
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(holder);
  other.kill('SIGKILL');
  await once(other, 'exit');
  takeLock(path)();
});

it('takes over what cannot be of a living process', () => {
  const stale = [
    { pid: process.ppid, since: 0, started: null }, // from before the machine was started
    { pid: process.pid, since: now(), started: null }, // this number had another process, in a container before this
    ...(process.platform === 'linux' ? [{ pid: process.ppid, since: now(), started: '1' }] : []),
  ];
  for (const holder of stale) {
    left(holder);
    takeLock(path)();
  }
  for (const text of ['', '{"pid":', 'null', '{}']) {
    writeFileSync(path, text);
    takeLock(path)();
  }
});

it('leaves the lock of another that took over in between', () => {
  const living = { pid: process.ppid, since: now(), started: null };
  left({ ...living, since: 0 });
  meanwhile.afterRead = () => left(living);
  expect(() => takeLock(path)).toThrow(new RegExp(`process ${process.ppid},`));
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(living);
  expect(readdirSync(folder)).toEqual(['run.lock']);
});

it('waits for nobody who is taking over, and takes over from one who died while at it', () => {
  const living = { pid: process.ppid, since: now(), started: null };
  const dead = { ...living, since: 0 };
  left(dead);
  writeFileSync(`${path}.takeover`, JSON.stringify(living));
  expect(() => takeLock(path)).toThrow(new RegExp(`process ${process.ppid},`));
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(dead);
  writeFileSync(`${path}.takeover`, JSON.stringify(dead));
  const release = takeLock(path);
  expect(readdirSync(folder)).toEqual(['run.lock']);
  release();
  expect(readdirSync(folder)).toEqual([]);
});
