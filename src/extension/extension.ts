import * as vscode from 'vscode';
import type { RunInfo } from '../protocol/server';
import { Backend } from './backend-client';
import { SolverLenses } from './code-lens';
import { Commands } from './commands';
import { createNotices } from './notices';
import { RunPanel } from './panel';
import { Runs } from './runs';
import { createStatusBar } from './status-bar';

/** What other extensions and tests may use. */
export interface S4sApi {
  /** Starts learning a solver file; `undefined` when something a person was told about is in the way. */
  readonly learn: (uri: vscode.Uri) => Promise<RunInfo | undefined>;
  /** A run of this window has ended, in whatever way. */
  readonly onDidEndRun: vscode.Event<RunInfo>;
}

let backend: Backend | undefined;

/** Registers everything and returns; the backend process starts with the first solver file, command or panel. */
export function activate(context: vscode.ExtensionContext): S4sApi {
  const log = vscode.window.createOutputChannel('S4S Studio', { log: true });
  backend = new Backend(context.asAbsolutePath('dist/backend.js'), log);
  const runs = new Runs(backend);
  const panel = new RunPanel(context.extensionUri, context.workspaceState, backend, runs, log);
  const commands = new Commands(backend, runs, panel, log);
  const lenses = new SolverLenses(runs);
  const ended = new vscode.EventEmitter<RunInfo>();
  context.subscriptions.push(
    log,
    backend,
    runs,
    panel,
    commands.register(),
    lenses,
    vscode.languages.registerCodeLensProvider({ language: 'solver-yaml' }, lenses),
    createStatusBar(runs),
    createNotices(backend, runs, panel, log),
    ended,
    runs.onDidEnd(({ info }) => ended.fire(info)),
    trackRunning(runs),
    startWithFirstSolverFile(backend, log),
  );
  return { learn: (uri) => commands.start(uri, 'learn'), onDidEndRun: ended.event };
}

export async function deactivate(): Promise<void> {
  await backend?.stop();
}

function startWithFirstSolverFile(backend: Backend, log: vscode.LogOutputChannel): vscode.Disposable {
  const consider = (document: vscode.TextDocument): void => {
    if (document.languageId !== 'solver-yaml') return;
    backend.start().catch((error: unknown) => log.error(`The backend did not start: ${String(error)}`));
  };
  vscode.workspace.textDocuments.forEach(consider);
  return vscode.workspace.onDidOpenTextDocument(consider);
}

/** The context key `s4s.running` behind buttons and the palette; set only when it changes. */
function trackRunning(runs: Runs): vscode.Disposable {
  let before = false;
  return runs.onDidChange(() => {
    const running = runs.active().length > 0;
    if (running !== before) void vscode.commands.executeCommand('setContext', 's4s.running', running);
    before = running;
  });
}
