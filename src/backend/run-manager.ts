import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { JobOrder, LoggedEvent, RunEventParams, RunInfo, RunTask } from '../protocol';
import { crashMessage } from './crash-message';
import { findRuns, hasCheckpoint, infoOf, makeRunDir } from './run-folders';
import type { FoundRun } from './run-folders';
import { readEvents, readSummary } from './run-log';
import type { FinishedEvent } from './run-log';
import { RunProcess } from './run-process';
import type { GraceTimes, ProcessEnd } from './run-process';

export interface RunManagerOptions {
  /** Absolute path of the job bundle. */
  readonly jobPath: string;
  readonly onEvent: (params: RunEventParams) => void;
  readonly onChanged: (info: RunInfo) => void;
  readonly grace?: GraceTimes;
}

export interface NewRun {
  readonly configPath: string;
  readonly task: RunTask;
  /** Absolute folder that the run folder is made in. */
  readonly output: string;
}

interface ActiveRun {
  info: RunInfo;
  readonly process: RunProcess;
  readonly startedAt: number;
  lastSeq: number;
  finished: FinishedEvent | undefined;
  readonly ended: Promise<RunInfo>;
}

const defaultGrace: GraceTimes = { cancelMs: 20_000, killMs: 5_000 };

/** Owns the job processes: one a run, at most one running for each solver.yaml. Errors are sentences for a person. */
export class RunManager {
  private readonly active = new Map<string, ActiveRun>();
  /** Runs that ended while we watched: a crash leaves no trace in the log. */
  private readonly past = new Map<string, FoundRun>();
  /** Solver files whose run is being prepared. */
  private readonly starting = new Set<string>();
  private closed = false;

  constructor(private readonly options: RunManagerOptions) {}

  start({ configPath, task, output }: NewRun): Promise<RunInfo> {
    return this.alone(configPath, async () => {
      const runDir = await makeRunDir(output, configPath, new Date());
      return this.launch({ task, configPath, runDir, resume: false }, -1);
    });
  }

  async resume(runDir: string): Promise<RunInfo> {
    const summary = await readSummary(runDir);
    if (summary === undefined) throw new Error(`${runDir} holds no run; start a new one.`);
    const { configPath, task } = summary;
    return this.alone(configPath, async () => {
      if (!hasCheckpoint(runDir)) {
        throw new Error(`${basename(runDir)} has no checkpoint to resume from; start a new run.`);
      }
      if (summary.finished?.status === 'done') throw new Error(`${basename(runDir)} is complete; start a new run.`);
      const lastSeq = (await readEvents(runDir, 0)).at(-1)?.seq ?? -1;
      return this.launch({ task, configPath, runDir, resume: true }, lastSeq);
    });
  }

  /** Resolves when the job has ended; at once when it is not running. */
  async stop(runDir: string): Promise<RunInfo> {
    const run = this.active.get(runDir);
    if (run === undefined) return this.idle(runDir);
    if (run.info.state === 'running') {
      this.change(run, { ...run.info, state: 'stopping' });
      run.process.cancel();
    }
    return run.ended;
  }

  /** Runs of a solver.yaml, newest first: those on disk, with what we know better about those we watched. */
  async list(configPath: string, output: string): Promise<RunInfo[]> {
    const runs = new Map<string, FoundRun>();
    for (const run of await findRuns(output, configPath)) runs.set(run.info.runDir, run);
    for (const [runDir, run] of this.past) {
      const onDisk = runs.get(runDir)?.info.state ?? 'interrupted';
      if (run.info.configPath === configPath && onDisk === 'interrupted' && existsSync(runDir)) runs.set(runDir, run);
    }
    for (const [runDir, { info, startedAt }] of this.active) {
      if (info.configPath === configPath) runs.set(runDir, { info, startedAt });
    }
    return [...runs.values()].sort((a, b) => b.startedAt - a.startedAt).map(({ info }) => info);
  }

  replay(runDir: string, fromSeq: number): Promise<LoggedEvent[]> {
    return readEvents(runDir, fromSeq);
  }

  /** Asks every run to stop and waits a while; a job left behind stops by itself when its channel closes. */
  async shutdown(waitMs: number): Promise<void> {
    this.closed = true;
    const runs = [...this.active.values()];
    for (const run of runs) run.process.cancel();
    let timer: NodeJS.Timeout | undefined;
    const waited = new Promise<void>((resolve) => (timer = setTimeout(resolve, waitMs)));
    await Promise.race([Promise.all(runs.map((run) => run.ended)), waited]);
    clearTimeout(timer);
  }

  /** Holds the place of a solver.yaml while its run is being prepared. */
  private async alone(configPath: string, prepare: () => Promise<RunInfo>): Promise<RunInfo> {
    if (this.closed) throw new Error('The S4S backend is shutting down.');
    const running = [...this.active.values()].find((run) => run.info.configPath === configPath);
    if (running !== undefined || this.starting.has(configPath)) {
      const name = running === undefined ? '' : ` (${basename(running.info.runDir)})`;
      throw new Error(`A run of ${basename(configPath)} is already going on${name}; stop it first.`);
    }
    this.starting.add(configPath);
    try {
      return await prepare();
    } finally {
      this.starting.delete(configPath);
    }
  }

  private async idle(runDir: string): Promise<RunInfo> {
    const known = this.past.get(runDir)?.info;
    if (known !== undefined) return known;
    const summary = await readSummary(runDir);
    if (summary === undefined) throw new Error(`${runDir} holds no run.`);
    return infoOf(runDir, summary);
  }

  private launch(order: JobOrder, lastSeq: number): RunInfo {
    const { runDir, configPath, task } = order;
    const logPath = join(runDir, 'job.log');
    const process = new RunProcess(this.options.jobPath, order, logPath, this.options.grace ?? defaultGrace, (event) =>
      this.heard(run, event),
    );
    const info: RunInfo = {
      runDir,
      configPath,
      task,
      state: 'running',
      resumable: false,
      pid: process.pid,
      message: '',
    };
    const ended = process.ended.then((end) => this.settle(run, end, logPath));
    const run: ActiveRun = { info, process, startedAt: Date.now(), lastSeq, finished: undefined, ended };
    this.past.delete(runDir);
    this.active.set(runDir, run);
    this.options.onChanged(info);
    return info;
  }

  private heard(run: ActiveRun, event: LoggedEvent): void {
    if (event.seq <= run.lastSeq) return;
    run.lastSeq = event.seq;
    if (event.kind === 'finished') run.finished = event;
    this.options.onEvent({ runDir: run.info.runDir, event });
  }

  private async settle(run: ActiveRun, end: ProcessEnd, logPath: string): Promise<RunInfo> {
    const { runDir, task } = run.info;
    // What was logged and not heard: the log is the truth.
    const missed = await readEvents(runDir, run.lastSeq + 1).catch(() => []);
    for (const event of missed) this.heard(run, event);
    const state = run.finished?.status ?? (run.info.state === 'stopping' ? 'cancelled' : 'crashed');
    const resumable = state !== 'done' && task === 'learn' && hasCheckpoint(runDir);
    const stopped = `The job did not stop in time and was ended by force; ${resumable ? 'what it had learned up to its last checkpoint is kept.' : 'nothing had been learned yet.'}`;
    const message = run.finished?.message ?? (state === 'cancelled' ? stopped : crashMessage(end, logPath, resumable));
    const info: RunInfo = { ...run.info, state, resumable, pid: null, message };
    this.active.delete(runDir);
    this.past.set(runDir, { info, startedAt: run.startedAt });
    this.change(run, info);
    return info;
  }

  private change(run: ActiveRun, info: RunInfo): void {
    run.info = info;
    this.options.onChanged(info);
  }
}
