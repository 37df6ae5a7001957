import * as vscode from 'vscode';
import { LanguageClient, RevealOutputChannelOn, State, TransportKind } from 'vscode-languageclient/node';
import {
  methods,
  type ListRunsParams,
  type ReplayParams,
  type RunEventParams,
  type RunInfo,
  type RunRef,
  type StartRunParams,
} from '../protocol/server';
import type { LoggedEvent } from '../protocol/events';

/**
 * The backend process: the language server that also owns the runs. It starts on first need; every request waits for it.
 * After a crash the client starts it again a few times by itself; `restart` always works.
 */
export class Backend implements vscode.Disposable {
  private client: Promise<LanguageClient> | undefined;
  private readonly events = new vscode.EventEmitter<RunEventParams>();
  private readonly changes = new vscode.EventEmitter<RunInfo>();
  private readonly starts = new vscode.EventEmitter<void>();
  private readonly stops = new vscode.EventEmitter<void>();

  readonly onEvent = this.events.event;
  readonly onRunChanged = this.changes.event;
  /** The backend is up, for the first time or again. */
  readonly onStarted = this.starts.event;
  /** The backend is gone, and its jobs with it. */
  readonly onStopped = this.stops.event;

  constructor(
    private readonly module: string,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  start(): Promise<LanguageClient> {
    this.client ??= this.launch().catch((error: unknown) => {
      this.client = undefined;
      throw error;
    });
    return this.client;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  startRun(params: StartRunParams): Promise<RunInfo> {
    return this.request(methods.startRun, params);
  }

  stopRun(run: RunRef): Promise<RunInfo> {
    return this.request(methods.stopRun, { runDir: run.runDir });
  }

  resumeRun(run: RunRef): Promise<RunInfo> {
    return this.request(methods.resumeRun, { runDir: run.runDir });
  }

  /** Runs of one solver.yaml, newest first. */
  listRuns(params: ListRunsParams): Promise<RunInfo[]> {
    return this.request(methods.listRuns, params);
  }

  replay(params: ReplayParams): Promise<LoggedEvent[]> {
    return this.request(methods.replay, params);
  }

  /** Called when the window closes or the extension is switched off. */
  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    // A client that never came up has nothing to stop: its failure was shown when it was started.
    await client?.then(
      (running) => running.dispose(),
      () => undefined,
    );
  }

  dispose(): void {
    for (const emitter of [this.events, this.changes, this.starts, this.stops]) emitter.dispose();
  }

  private async request<Params, Result>(method: string, params: Params): Promise<Result> {
    const client = await this.start();
    return client.sendRequest<Result>(method, params);
  }

  private async launch(): Promise<LanguageClient> {
    const run = { module: this.module, transport: TransportKind.ipc };
    const client = new LanguageClient(
      's4s',
      'S4S Studio',
      { run, debug: { ...run, options: { execArgv: ['--nolazy', '--inspect=6019'] } } },
      {
        documentSelector: [{ language: 'solver-yaml' }],
        outputChannel: this.log,
        revealOutputChannelOn: RevealOutputChannelOn.Never,
      },
    );
    client.onNotification(methods.event, (params: RunEventParams) => this.events.fire(params));
    client.onNotification(methods.runChanged, (run: RunInfo) => this.changes.fire(run));
    client.onDidChangeState(({ newState }) => {
      if (newState === State.Running) this.starts.fire();
      if (newState === State.Stopped) this.stops.fire();
    });
    await client.start();
    return client;
  }
}
