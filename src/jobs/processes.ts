import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/** Whether a process that did something at a time is still there. It knows the processes of this machine. */
export function isRunning(
  pid: number,
  /** When it was there, in milliseconds since 1970. */
  since: number,
  /** What `startOf` said of it then; null where that is not known. */
  started: string | null,
): boolean {
  // Numbers of processes come again: after a restart of the machine, and at once in a fresh container.
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

/**
 * When a process started, in the words of its system (on Linux; null elsewhere); `dead` for one that has ended and waits to
 * be cleared away.
 */
export function startOf(pid: number): string | null {
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
