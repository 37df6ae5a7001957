import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { dirname } from 'node:path';
import { UserError } from './user-error';

interface Holder {
  readonly pid: number;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** When the process started, in the words of its system; null where these are not known. */
  readonly started: string | null;
}

/** Locks of this process. */
const held = new Set<string>();

/**
 * Keeps a run folder to one process: two that write the same log and checkpoint would spoil both. A lock that a killed
 * process left is taken over. It holds among processes of one machine.
 *
 * @param path of the lock file
 * @returns gives it back
 * @throws UserError when a living process holds it
 */
export function takeLock(path: string): () => void {
  const holder: Holder = { pid: process.pid, since: Date.now(), started: startOf(process.pid) };
  const text = `${JSON.stringify(holder)}\n`;
  if (!created(path, text)) {
    const other = holderOf(path);
    if (other && isAlive(other, path)) throw inUse(path, other);
    rmSync(path, { force: true });
    // Someone else may have come first.
    if (!created(path, text)) throw inUse(path, holderOf(path) ?? holder);
  }
  held.add(path);
  return () => {
    held.delete(path);
    rmSync(path, { force: true });
  };
}

function created(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function inUse(path: string, { pid, since }: Holder): UserError {
  return new UserError(
    'run-in-use',
    `${dirname(path)} is in use by another run (process ${pid}, since ${new Date(since).toISOString()}). Wait for it, stop it, or` +
      ` choose another folder; if there is no such run, delete ${path}.`,
  );
}

/** undefined for a file that is torn or gone. */
function holderOf(path: string): Holder | undefined {
  try {
    const value = JSON.parse(readFileSync(path, 'utf8')) as Partial<Holder> | null;
    if (typeof value?.pid !== 'number' || typeof value.since !== 'number') return undefined;
    return { pid: value.pid, since: value.since, started: value.started ?? null };
  } catch {
    return undefined;
  }
}

function isAlive({ pid, since, started }: Holder, path: string): boolean {
  // Numbers of processes come again: after a restart of the machine, and at once in a fresh container.
  if (pid === process.pid) return held.has(path);
  if (since < Date.now() - uptime() * 1000) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Not allowed to signal it: it is there, and someone else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const now = startOf(pid);
  return now !== 'dead' && (started === null || now === null || now === started);
}

/** When a process started, on Linux; `dead` for one that has ended and waits to be cleared away. */
function startOf(pid: number): string | null {
  try {
    // The name in brackets may hold spaces; after it come the state (field 3) and, as field 22, the start in ticks since boot.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[0] === 'Z' ? 'dead' : (fields[19] ?? null);
  } catch {
    return null;
  }
}
