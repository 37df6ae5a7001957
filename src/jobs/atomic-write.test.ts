import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { removeAbandoned, writeAtomic } from './atomic-write';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 's4s-atomic-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('replaces text and bytes', async () => {
  const path = join(folder, 'file');
  await writeAtomic(path, 'grüße');
  await writeAtomic(path, Uint8Array.of(0, 255, 7));
  expect(Array.from(readFileSync(path))).toEqual([0, 255, 7]);
  expect(readdirSync(folder)).toEqual(['file']);
});

it('leaves of temporary files those of living processes', () => {
  const { pid: dead } = spawnSync(process.execPath, ['-e', '']);
  const old = new Date(0);
  const file = (name: string, time = new Date()): void => {
    writeFileSync(join(folder, name), 'half');
    utimesSync(join(folder, name), time, time);
  };
  file(`a.f32.${dead}.tmp`);
  file(`b.f32.${process.pid}.tmp`);
  file(`c.f32.${process.ppid}.tmp`);
  // Of processes that had these numbers before.
  file(`d.f32.${process.pid}.tmp`, old);
  file(`e.f32.${process.ppid}.tmp`, old);
  file('f.f32');
  removeAbandoned(folder);
  expect(readdirSync(folder).toSorted()).toEqual([`b.f32.${process.pid}.tmp`, `c.f32.${process.ppid}.tmp`, 'f.f32']);
  removeAbandoned(join(folder, 'missing'));
});

// Windows has no limit on file sizes (`ulimit -f`) to play the full disk with.
it.skipIf(process.platform === 'win32')('keeps the old file when only part of the new one fits', () => {
  // A limit on file sizes does what a disk does that fills up: the system takes a part, then refuses the rest.
  const program = join(folder, 'program.cjs');
  const path = join(folder, 'file');
  writeFileSync(path, 'old');
  const source = `
    import { writeAtomic } from './src/jobs/atomic-write';
    writeAtomic(${JSON.stringify(path)}, 'new'.repeat(100_000)).catch(({ code, path }) => console.log(code, path));`;
  buildSync({
    stdin: { contents: source, resolveDir: process.cwd(), loader: 'ts' },
    bundle: true,
    platform: 'node',
    outfile: program,
  });
  const { stdout } = spawnSync('sh', ['-c', 'ulimit -f 16; "$0" "$1"', process.execPath, program], {
    encoding: 'utf8',
  });
  expect(stdout).toBe(`EFBIG ${path}\n`);
  expect(readFileSync(path, 'utf8')).toBe('old');
  expect(readdirSync(folder).toSorted()).toEqual(['file', 'program.cjs']);
});
