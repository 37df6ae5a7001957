import type { LoggedEvent, RunTask } from './events';

/** Backend → job process, over Node's IPC channel. */
export type ToJob = { readonly kind: 'start'; readonly order: JobOrder } | { readonly kind: 'cancel' };

/** Job process → backend. Each event was written to `events.jsonl` before it is sent. */
export type FromJob = { readonly kind: 'event'; readonly event: LoggedEvent };

export interface JobOrder {
  readonly task: RunTask;
  /** Absolute path of solver.yaml. Ignored on resume: the run folder holds the resolved config. */
  readonly configPath: string;
  /** Absolute path of the run folder; made if missing. */
  readonly runDir: string;
  readonly resume: boolean;
}

export function isToJob(value: unknown): value is ToJob {
  const kind = (value as { kind?: unknown } | null)?.kind;
  return kind === 'start' || kind === 'cancel';
}

export function isFromJob(value: unknown): value is FromJob {
  return (value as { kind?: unknown } | null)?.kind === 'event';
}
