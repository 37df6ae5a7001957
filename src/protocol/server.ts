import type { LoggedEvent, RunStatus, RunTask } from './events';

/** Custom LSP methods between extension and backend. Params and results are plain data. */
export const methods = {
  /** request: StartRunParams → RunInfo */
  startRun: 's4s/startRun',
  /** request: RunRef → RunInfo; ends when the job has ended. Keeps the best table so far. */
  stopRun: 's4s/stopRun',
  /** request: RunRef → RunInfo */
  resumeRun: 's4s/resumeRun',
  /** request: ListRunsParams → RunInfo[], newest first */
  listRuns: 's4s/listRuns',
  /** request: ReplayParams → LoggedEvent[] */
  replay: 's4s/replay',
  /** notification backend → client: RunEventParams */
  event: 's4s/event',
  /** notification backend → client: RunInfo, whenever a run's state changes */
  runChanged: 's4s/runChanged',
} as const;

export interface StartRunParams {
  /** file: URI of solver.yaml (saved content is used). */
  readonly uri: string;
  readonly task: RunTask;
}

export interface RunRef {
  readonly runDir: string;
}

export interface ListRunsParams {
  readonly uri: string;
}

export interface ReplayParams {
  readonly runDir: string;
  /** First sequence number wanted; 0 for the whole log. */
  readonly fromSeq: number;
}

export interface RunEventParams {
  readonly runDir: string;
  readonly event: LoggedEvent;
}

/** `crashed`: the job process died without a `finished` event; it can be resumed. `interrupted`: found on disk unfinished. */
export type RunState = 'running' | 'stopping' | RunStatus | 'crashed' | 'interrupted';

export interface RunInfo {
  readonly runDir: string;
  readonly configPath: string;
  readonly task: RunTask;
  readonly state: RunState;
  readonly resumable: boolean;
  /** Process id while running; for people who want to look (and for tests that kill it). */
  readonly pid: number | null;
  /** One sentence for a person; empty while running. */
  readonly message: string;
}
