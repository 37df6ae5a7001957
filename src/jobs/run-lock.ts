import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isRunning, startOf } from './processes';
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
  if (!created(path, holder)) takeOver(path, holder);
  held.add(path);
  return () => {
    held.delete(path);
    rmSync(path, { force: true });
  };
}

/**
 * Puts a lock in the place of one that a dead process left. Of several that find it, one at a time may look again and
 * replace it, or the second would remove the first one's new lock. That right is a lock, too.
 */
function takeOver(path: string, holder: Holder): void {
  requireDead(path);
  const release = takeLock(`${path}.takeover`);
  try {
    requireDead(path);
    rmSync(path, { force: true });
    // Someone who did not see the dead one may have come first.
    if (!created(path, holder)) throw inUse(path, holderOf(path) ?? holder);
  } finally {
    release();
  }
}

function requireDead(path: string): void {
  const other = holderOf(path);
  if (other && isAlive(other, path)) throw inUse(path, other);
}

/** Makes the lock with its text at once: one that is there and still empty would look like a torn one, which is dead. */
function created(path: string, holder: Holder): boolean {
  const text = `${JSON.stringify(holder)}\n`;
  const whole = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(whole, text);
    linkSync(whole, path);
    return true;
  } catch (error) {
    if (isThere(error)) return false;
  } finally {
    rmSync(whole, { force: true });
  }
  // Some file systems have no links; and if the disk is full, this says so.
  try {
    writeFileSync(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (isThere(error)) return false;
    throw error;
  }
}

function isThere(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EEXIST';
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
  return pid === process.pid ? held.has(path) : isRunning(pid, since, started);
}
