import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { takeLock } from './run-lock';

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
