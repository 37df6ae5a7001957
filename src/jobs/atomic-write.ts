import { readdirSync, rmSync, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning } from './processes';

const maxAttempts = 8;
/** Milliseconds by which the times of a file system may lag behind. */
const clockSlack = 2000;

/**
 * Replaces a file in one step: temporary file beside it, flush, rename. When anything goes wrong the old file stays as
 * it was. (The package write-file-atomic issues one `write` and ignores how much of it was taken: on a disk that fills
 * up it renames half a file over the old one, without an error.)
 *
 * @throws the system's error; its `path` is the file that was to be written.
 */
export async function writeAtomic(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await replace(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw Object.assign(error as NodeJS.ErrnoException, { path });
  }
}

/** True for what a killed process may leave of `writeAtomic`. */
export function isTemporary(name: string): boolean {
  return /\.\d+\.tmp$/.test(name);
}

/**
 * Removes what killed processes left of `writeAtomic` in a folder that living ones may be writing to, whose files stay. Like
 * the locks of runs it knows the processes of one machine.
 */
export function removeAbandoned(folder: string): void {
  for (const name of namesIn(folder)) {
    const pid = /\.(\d+)\.tmp$/.exec(name)?.[1];
    if (pid === undefined) continue;
    const path = join(folder, name);
    try {
      if (!isWriting(Number(pid), statSync(path).mtimeMs)) rmSync(path, { force: true });
    } catch {
      // Its writer was faster, or someone has it open: it does no harm.
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isWriting(pid: number, modified: number): boolean {
  // Of this process, too, if one before it had its number.
  if (pid === process.pid) return modified >= Date.now() - process.uptime() * 1000 - clockSlack;
  return isRunning(pid, modified, null);
}

/** On Windows a rename fails while someone reads the old file (a panel, a virus scanner); that passes. */
async function replace(from: string, to: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await rename(from, to);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const busy = code === 'EPERM' || code === 'EACCES' || code === 'EBUSY';
      if (!busy || attempt === maxAttempts) throw error;
      await sleep(5 * 2 ** attempt);
    }
  }
}
