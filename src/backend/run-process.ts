import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { isFromJob, isLoggedEvent } from '../protocol';
import type { JobOrder, LoggedEvent, ToJob } from '../protocol';

export interface GraceTimes {
  /** From the request to stop to SIGTERM: one network evaluation and a checkpoint may take this long. */
  readonly cancelMs: number;
  /** From SIGTERM to SIGKILL, and from the `finished` event to SIGKILL. */
  readonly killMs: number;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why the process could not be started; null when it ran. */
  readonly startError: string | null;
}

/** One job process: fed one order, cancelled in steps that get harder, over exactly once. */
export class RunProcess {
  /** Resolves when the process has gone and every message it sent has been heard. */
  readonly ended: Promise<ProcessEnd>;
  private readonly child: ChildProcess;
  private readonly timers: NodeJS.Timeout[] = [];
  private cancelled = false;

  /** @param logPath gets what the process and its native libraries print. */
  constructor(
    jobPath: string,
    order: JobOrder,
    logPath: string,
    private readonly grace: GraceTimes,
    onEvent: (event: LoggedEvent) => void,
  ) {
    const log = openLog(logPath);
    try {
      this.child = fork(jobPath, [], {
        cwd: order.runDir,
        // A debugger of the backend must not be inherited: the port is taken.
        execArgv: [],
        stdio: ['ignore', log, log, 'ipc'],
      });
    } finally {
      closeSync(log);
    }
    this.ended = this.watch(this.child);
    this.child.on('message', (message) => {
      if (!isFromJob(message) || !isLoggedEvent(message.event)) return;
      onEvent(message.event);
      // Native threads of a GPU provider may keep a finished process alive.
      if (message.event.kind === 'finished') this.later(grace.killMs, () => this.child.kill('SIGKILL'));
    });
    this.send({ kind: 'start', order });
  }

  get pid(): number | null {
    return this.child.pid ?? null;
  }

  /** Asks the run to stop; ends it by force when it does not in time. */
  cancel(): void {
    if (this.cancelled) return;
    this.cancelled = true;
    this.send({ kind: 'cancel' });
    this.later(this.grace.cancelMs, () => this.child.kill('SIGTERM'));
    this.later(this.grace.cancelMs + this.grace.killMs, () => this.child.kill('SIGKILL'));
  }

  private send(message: ToJob): void {
    // A job that has gone cannot be told anything; its end is reported by `ended`.
    if (this.child.connected) this.child.send(message, () => undefined);
  }

  private later(ms: number, action: () => void): void {
    this.timers.push(setTimeout(action, ms));
  }

  private watch(child: ChildProcess): Promise<ProcessEnd> {
    const gone = new Promise<ProcessEnd>((resolve) => {
      child.once('error', (error) => {
        if (child.pid === undefined) resolve({ code: null, signal: null, startError: error.message });
      });
      child.once('exit', (code, signal) => resolve({ code, signal, startError: null }));
    });
    // `exit` may come before the last messages; the channel closes after them.
    const heard = new Promise<void>((resolve) => {
      if (child.connected) child.once('disconnect', resolve);
      else resolve();
    });
    return gone.then(async (end) => {
      if (end.startError === null) await heard;
      for (const timer of this.timers) clearTimeout(timer);
      return end;
    });
  }
}

function openLog(path: string): number {
  try {
    return openSync(path, 'a');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The run folder cannot be written; make room or change its permissions (${reason}).`, {
      cause: error,
    });
  }
}
