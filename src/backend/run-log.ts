import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseLoggedEvent } from '../protocol';
import type { LoggedEvent, RunTask } from '../protocol';

export const eventsName = 'events.jsonl';

/** Enough for a `run-started` line, and for a `finished` line with the report of a long run. */
const headBytes = 64 * 1024;
const tailBytes = 1024 * 1024;

export type StartedEvent = Extract<LoggedEvent, { kind: 'run-started' }>;
export type FinishedEvent = Extract<LoggedEvent, { kind: 'finished' }>;

/** The ends of a run's log: what it was, and how it ended. */
export interface RunSummary {
  readonly configPath: string;
  readonly task: RunTask;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Missing while the run goes on, and when it was cut off. */
  readonly finished: FinishedEvent | undefined;
}

/** Reads the ends of a run's log; undefined for a folder that holds no run. */
export async function readSummary(runDir: string): Promise<RunSummary | undefined> {
  const ends = await readEnds(join(runDir, eventsName));
  if (ends === undefined) return undefined;
  const started = events(ends.head).find((event) => event.kind === 'run-started');
  const last = events(ends.tail).at(-1);
  if (started === undefined) return undefined;
  return {
    configPath: started.configPath,
    task: started.task,
    startedAt: started.at,
    finished: last?.kind === 'finished' ? last : undefined,
  };
}

/** Events of a run from a sequence number on. A torn or unknown line is left out; no log gives no events. */
export async function readEvents(runDir: string, fromSeq: number): Promise<LoggedEvent[]> {
  const text = await readFile(join(runDir, eventsName), 'utf8').catch((error: unknown) => {
    if ((error as { code?: unknown }).code === 'ENOENT') return '';
    throw error;
  });
  return events(text).filter((event) => event.seq >= fromSeq);
}

function events(text: string): LoggedEvent[] {
  return text.split('\n').flatMap((line) => parseLoggedEvent(line) ?? []);
}

async function readEnds(path: string): Promise<{ head: string; tail: string } | undefined> {
  let file;
  try {
    file = await open(path);
  } catch {
    return undefined;
  }
  try {
    const { size } = await file.stat();
    const part = async (from: number, length: number) => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from);
      return buffer.toString('utf8', 0, bytesRead);
    };
    const head = await part(0, Math.min(size, headBytes));
    const tail = size <= headBytes ? head : await part(Math.max(0, size - tailBytes), Math.min(size, tailBytes));
    return { head, tail };
  } finally {
    await file.close();
  }
}
