import * as vscode from 'vscode';
import type { RunTask } from '../protocol/events';
import type { RunInfo, RunRef } from '../protocol/server';
import { isActive } from '../protocol/wording';
import type { Backend } from './backend-client';
import type { RunPanel } from './panel';
import type { Runs } from './runs';
import { findSolverFile, prepareSolverFile, runName } from './solver-file';

const showLog = 'Show Log';

export class Commands {
  constructor(
    private readonly backend: Backend,
    private readonly runs: Runs,
    private readonly panel: RunPanel,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  register(): vscode.Disposable {
    const command = (name: string, run: (argument?: unknown) => unknown): vscode.Disposable =>
      vscode.commands.registerCommand(`s4s.${name}`, (argument?: unknown) => this.guard(() => run(argument)));
    return vscode.Disposable.from(
      command('learn', (argument) => this.start(argument, 'learn')),
      command('preview', (argument) => this.start(argument, 'preview')),
      command('stop', (argument) => this.stop(argument)),
      command('resume', (argument) => this.resume(argument)),
      command('openPanel', (argument) => this.openPanel(argument)),
      command('showLog', () => this.log.show()),
      command('restartBackend', () => this.backend.restart()),
    );
  }

  /** Starts a run of a solver file and shows it; a run of that file that is already going is shown instead. */
  async start(argument: unknown, task: RunTask): Promise<RunInfo | undefined> {
    if (!trusted()) return undefined;
    const uri = await findSolverFile(argument);
    if (uri === undefined) return undefined;
    const going = this.runs.activeOf(uri.fsPath);
    if (going !== undefined) {
      this.panel.show(going.info);
      void vscode.window.showInformationMessage(
        `A run of ${runName(uri.fsPath)} is going on. Stop it to start another.`,
      );
      return going.info;
    }
    if (!(await prepareSolverFile(uri, task === 'learn' ? 'learning' : 'sampling'))) return undefined;
    return this.begin(await this.backend.startRun({ uri: uri.toString(), task }));
  }

  private async stop(argument: unknown): Promise<void> {
    const active = this.runs.active().map(({ info }) => info);
    const named = active.filter((run) => isMeantBy(run, argument));
    const run = named[0] ?? (argument === undefined ? await pickRun(active) : undefined);
    if (run !== undefined) this.runs.update(await this.backend.stopRun(run));
  }

  private async resume(argument: unknown): Promise<void> {
    if (!trusted()) return;
    if (isRunRef(argument)) {
      this.begin(await this.backend.resumeRun(argument));
      return;
    }
    const uri = await findSolverFile(argument);
    if (uri === undefined) return;
    const run = (await this.runs.of(uri)).find(({ resumable, state }) => resumable && !isActive(state));
    if (run !== undefined) this.begin(await this.backend.resumeRun(run));
    else
      void vscode.window.showInformationMessage(
        `There is no run of ${runName(uri.fsPath)} to resume. Choose Learn Solver.`,
      );
  }

  /** Shows the run a person most likely means: the one going on, the last one looked at, the newest one. */
  private async openPanel(argument: unknown): Promise<void> {
    if (!(argument instanceof vscode.Uri)) {
      this.panel.show(this.runs.latest()?.info);
      return;
    }
    const path = argument.fsPath;
    const [newest] = await this.runs.of(argument);
    this.panel.show(this.runs.activeOf(path)?.info ?? this.panel.lastOf(path) ?? newest);
  }

  private begin(run: RunInfo): RunInfo {
    this.runs.update(run);
    this.panel.show(run);
    return run;
  }

  /** The backend answers with sentences made for people; they are shown as they are. */
  private async guard(run: () => unknown): Promise<unknown> {
    try {
      return await run();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.log.error(error instanceof Error ? error : message);
      void vscode.window.showErrorMessage(message, showLog).then((choice) => {
        if (choice === showLog) this.log.show();
      });
      return undefined;
    }
  }
}

function trusted(): boolean {
  if (vscode.workspace.isTrusted) return true;
  void vscode.window.showErrorMessage('Running a model needs a trusted workspace. Trust this folder, then try again.');
  return false;
}

function isRunRef(value: unknown): value is RunRef {
  return typeof (value as Partial<RunRef> | null | undefined)?.runDir === 'string';
}

function isMeantBy(run: RunInfo, argument: unknown): boolean {
  if (argument instanceof vscode.Uri) return run.configPath === argument.fsPath;
  return isRunRef(argument) && run.runDir === argument.runDir;
}

async function pickRun(runs: readonly RunInfo[]): Promise<RunInfo | undefined> {
  if (runs.length < 2) return runs[0];
  const items = runs.map((run) => ({ label: runName(run.configPath), description: run.runDir, run }));
  return (await vscode.window.showQuickPick(items, { placeHolder: 'Which run?' }))?.run;
}
