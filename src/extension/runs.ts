import * as vscode from 'vscode';
import type { LoggedEvent } from '../protocol/events';
import type { RunReport } from '../protocol/report';
import type { RunInfo } from '../protocol/server';
import { isActive } from '../protocol/wording';
import type { Backend } from './backend-client';

export type ProgressEvent = Extract<LoggedEvent, { kind: 'progress' }>;

/** What the window knows about a run: enough for the status bar, the lenses and the context keys. */
export interface KnownRun {
  readonly info: RunInfo;
  readonly progress: ProgressEvent | null;
  readonly report: RunReport | null;
}

/** Every run this window has heard of. The truth stays in the run folders; this is a cache of the backend's notices. */
export class Runs implements vscode.Disposable {
  private readonly known = new Map<string, KnownRun>();
  private readonly listed = new Map<string, Promise<readonly RunInfo[]>>();
  private readonly changes = new vscode.EventEmitter<KnownRun>();
  private readonly ends = new vscode.EventEmitter<KnownRun>();
  private readonly subscriptions: vscode.Disposable[];
  private latestRunDir: string | undefined;

  /** State, progress or report of a run changed. */
  readonly onDidChange = this.changes.event;
  /** A run that was active in this window has ended. */
  readonly onDidEnd = this.ends.event;

  constructor(private readonly backend: Backend) {
    this.subscriptions = [
      backend.onRunChanged((info) => this.update(info)),
      backend.onEvent(({ runDir, event }) => this.apply(runDir, event)),
      backend.onStopped(() => this.interruptAll()),
      backend.onStarted(() => this.listed.clear()),
    ];
  }

  get(runDir: string): KnownRun | undefined {
    return this.known.get(runDir);
  }

  active(): KnownRun[] {
    return [...this.known.values()].filter((run) => isActive(run.info.state));
  }

  activeOf(configPath: string): KnownRun | undefined {
    return this.active().find((run) => run.info.configPath === configPath);
  }

  /** The run that was started or resumed last in this window. */
  latest(): KnownRun | undefined {
    return this.latestRunDir === undefined ? undefined : this.known.get(this.latestRunDir);
  }

  /** Runs of a solver file as the backend lists them, newest first; asked once until something changes. */
  async of(uri: vscode.Uri): Promise<readonly RunInfo[]> {
    const key = uri.toString();
    let listing = this.listed.get(key);
    if (listing === undefined) {
      listing = this.backend.listRuns({ uri: key });
      this.listed.set(key, listing);
      listing.catch(() => this.listed.delete(key));
    }
    return (await listing).map((run) => this.known.get(run.runDir)?.info ?? run);
  }

  update(info: RunInfo): void {
    const before = this.known.get(info.runDir);
    const restarted = isActive(info.state) && !(before !== undefined && isActive(before.info.state));
    const run: KnownRun = restarted
      ? { info, progress: null, report: null }
      : { info, progress: before?.progress ?? null, report: before?.report ?? null };
    this.known.set(info.runDir, run);
    this.listed.clear();
    if (restarted) this.latestRunDir = info.runDir;
    this.changes.fire(run);
    if (before !== undefined && isActive(before.info.state) && !isActive(info.state)) this.ends.fire(run);
  }

  dispose(): void {
    vscode.Disposable.from(...this.subscriptions, this.changes, this.ends).dispose();
  }

  private apply(runDir: string, event: LoggedEvent): void {
    const run = this.known.get(runDir);
    // Events of a run nobody introduced yet carry no more than its RunInfo and log will.
    if (run === undefined) return;
    if (event.kind === 'progress') this.set({ ...run, progress: event });
    else if (event.kind === 'finished') this.set({ ...run, report: event.report });
  }

  private set(run: KnownRun): void {
    this.known.set(run.info.runDir, run);
    this.changes.fire(run);
  }

  private interruptAll(): void {
    for (const { info } of this.active()) {
      const message =
        'The S4S backend stopped during this run. Everything learned so far is kept; choose Resume to go on.';
      this.update({ ...info, state: 'interrupted', resumable: true, pid: null, message });
    }
  }
}
