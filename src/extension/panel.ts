import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import * as vscode from 'vscode';
import type { LoggedEvent } from '../protocol/events';
import { isFromPage, type FromPage, type ToPage } from '../protocol/page';
import type { RunInfo } from '../protocol/server';
import { isActive, stateNames } from '../protocol/wording';
import type { Backend } from './backend-client';
import { pageHtml } from './page-html';
import type { Runs } from './runs';
import { runName } from './solver-file';

const viewType = 's4s.run';
const memoryKey = 's4s.lastRun';

/** Which run the panel shows. Kept in the workspace and in the page, so that a reload finds it again. */
interface ShownRun {
  readonly runDir: string;
  readonly configPath: string;
}

function isShownRun(value: unknown): value is ShownRun {
  const { runDir, configPath } = (value ?? {}) as Partial<Record<keyof ShownRun, unknown>>;
  return typeof runDir === 'string' && typeof configPath === 'string';
}

/**
 * The panel of this window. The page keeps nothing while hidden: whenever it (re)appears it says `ready` and is drawn
 * again from the run's log. Live events that come while the log is being fetched wait behind it.
 */
export class RunPanel implements vscode.WebviewPanelSerializer, vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private shown: ShownRun | undefined;
  private waiting: LoggedEvent[] | undefined;
  private hydration = 0;
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly memory: vscode.Memento,
    private readonly backend: Backend,
    private readonly runs: Runs,
    private readonly log: vscode.LogOutputChannel,
  ) {
    const remembered = memory.get(memoryKey);
    if (isShownRun(remembered)) this.shown = remembered;
    this.subscriptions = [
      vscode.window.registerWebviewPanelSerializer(viewType, this),
      backend.onEvent(({ runDir, event }) => this.pass(runDir, event)),
      runs.onDidChange(({ info }) => this.follow(info)),
    ];
  }

  /** True while the person can see this run. */
  isShowing(runDir: string): boolean {
    return this.panel?.visible === true && this.shown?.runDir === runDir;
  }

  /** The run shown last in this workspace, if it belongs to this solver file. */
  lastOf(configPath: string): ShownRun | undefined {
    return this.shown?.configPath === configPath ? this.shown : undefined;
  }

  /** Opens the panel, or brings it to the front, on a run; without one, on what it showed last. */
  show(run?: ShownRun): void {
    this.panel ??= this.adopt(
      vscode.window.createWebviewPanel(
        viewType,
        'S4S',
        { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
        { enableScripts: true, enableFindWidget: true },
      ),
    );
    this.panel.reveal(undefined, true);
    const { runDir, configPath } = run ?? this.shown ?? {};
    if (runDir !== undefined && configPath !== undefined) this.open({ runDir, configPath });
    else this.load();
  }

  /** Called by the window after a reload. */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    this.panel?.dispose();
    this.panel = this.adopt(panel);
    if (isShownRun(state)) this.open({ runDir: state.runDir, configPath: state.configPath });
    else this.load();
  }

  dispose(): void {
    vscode.Disposable.from(...this.subscriptions).dispose();
    this.panel?.dispose();
  }

  private adopt(panel: vscode.WebviewPanel): vscode.WebviewPanel {
    panel.iconPath = {
      light: vscode.Uri.joinPath(this.extensionUri, 'media', 'solver-light.svg'),
      dark: vscode.Uri.joinPath(this.extensionUri, 'media', 'solver-dark.svg'),
    };
    panel.webview.onDidReceiveMessage((message: unknown) => {
      if (isFromPage(message)) void this.receive(message);
    });
    panel.onDidDispose(() => {
      if (this.panel === panel) this.panel = undefined;
    });
    return panel;
  }

  private open(run: ShownRun): void {
    const samePlace = this.shown !== undefined && dirname(this.shown.runDir) === dirname(run.runDir);
    this.shown = run;
    void this.memory.update(memoryKey, run);
    // A page may only read the folder its runs are in, so another folder needs another page.
    if (this.panel?.webview.html === '' || !samePlace) this.load();
    else void this.hydrate();
  }

  private load(): void {
    if (this.panel === undefined) return;
    const { webview } = this.panel;
    const dist = vscode.Uri.joinPath(this.extensionUri, 'dist');
    const runFolder = this.shown === undefined ? [] : [vscode.Uri.file(dirname(this.shown.runDir))];
    webview.options = { enableScripts: true, localResourceRoots: [dist, ...runFolder] };
    const asset = (name: string): string => webview.asWebviewUri(vscode.Uri.joinPath(dist, name)).toString();
    webview.html = pageHtml({
      cspSource: webview.cspSource,
      nonce: randomBytes(18).toString('base64'),
      script: asset('webview.js'),
      style: asset('webview.css'),
    });
  }

  private async receive(message: FromPage): Promise<void> {
    const { shown } = this;
    switch (message.kind) {
      case 'ready':
        return this.hydrate();
      case 'learn':
        return vscode.commands.executeCommand('s4s.learn', shown && vscode.Uri.file(shown.configPath));
      case 'stop':
        return vscode.commands.executeCommand('s4s.stop', shown);
      case 'resume':
        return vscode.commands.executeCommand('s4s.resume', shown);
      case 'show-log':
        return this.log.show(true);
      case 'open-report':
        return this.openReport();
    }
  }

  private async openReport(): Promise<void> {
    if (this.shown === undefined) return;
    const report = vscode.Uri.file(join(this.shown.runDir, 'report.md'));
    try {
      await vscode.workspace.fs.stat(report);
      await vscode.commands.executeCommand('markdown.showPreview', report);
    } catch {
      void vscode.window.showInformationMessage('This run has no report yet. It is written when the run ends.');
    }
  }

  /** Sends everything needed to draw, then the events that came meanwhile. A later call wins over an earlier one. */
  private async hydrate(): Promise<void> {
    const { panel, shown } = this;
    if (panel === undefined) return;
    const turn = ++this.hydration;
    if (shown === undefined) {
      this.post({ kind: 'hydrate', run: null, runBase: '', events: [] });
      return;
    }
    this.waiting = [];
    const [events, run] = await Promise.all([
      this.backend.replay({ runDir: shown.runDir, fromSeq: 0 }).catch((error: unknown) => {
        this.log.error(`The log of ${shown.runDir} could not be read: ${String(error)}`);
        return [];
      }),
      this.infoOf(shown),
    ]);
    if (turn !== this.hydration) return;
    const runBase = panel.webview.asWebviewUri(vscode.Uri.file(shown.runDir)).toString();
    this.post({ kind: 'hydrate', run, runBase, events });
    const last = events.at(-1)?.seq ?? -1;
    const missed: readonly LoggedEvent[] = this.waiting;
    this.waiting = undefined;
    for (const event of missed) if (event.seq > last) this.post({ kind: 'event', event });
    this.name(run);
  }

  private async infoOf({ runDir, configPath }: ShownRun): Promise<RunInfo | null> {
    const known = this.runs.get(runDir);
    if (known !== undefined) return known.info;
    const listed = await this.runs.of(vscode.Uri.file(configPath)).catch(() => []);
    return listed.find((run) => run.runDir === runDir) ?? null;
  }

  private pass(runDir: string, event: LoggedEvent): void {
    if (runDir !== this.shown?.runDir) return;
    if (this.waiting !== undefined) this.waiting.push(event);
    else this.post({ kind: 'event', event });
  }

  private follow(info: RunInfo): void {
    if (info.runDir !== this.shown?.runDir) return;
    this.post({ kind: 'run', run: info });
    this.name(info);
  }

  private name(run: RunInfo | null): void {
    if (this.panel === undefined) return;
    const title = run === null ? 'S4S' : `S4S: ${runName(run.configPath)}`;
    this.panel.title = run !== null && isActive(run.state) ? `${title} (${stateNames[run.state]})` : title;
  }

  /** A hidden page drops messages; it asks for everything again when it is shown. */
  private post(message: ToPage): void {
    void this.panel?.webview.postMessage(message);
  }
}
