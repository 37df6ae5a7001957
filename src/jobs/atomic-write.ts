import { open, rename, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const maxAttempts = 8;

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
