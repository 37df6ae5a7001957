import * as vscode from 'vscode';
import { isActive } from '../protocol/wording';
import type { Runs } from './runs';

/** The actions of a solver file, above its first line. */
export class SolverLenses implements vscode.CodeLensProvider, vscode.Disposable {
  private readonly changes = new vscode.EventEmitter<void>();
  private readonly subscriptions: vscode.Disposable[];
  private states = '';
  readonly onDidChangeCodeLenses = this.changes.event;

  constructor(private readonly runs: Runs) {
    this.subscriptions = [
      runs.onDidChange(({ info }) => {
        // Progress comes ten times a second; only a new state changes the lenses.
        const states = `${info.runDir} ${info.state}`;
        if (states !== this.states) this.changes.fire();
        this.states = states;
      }),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.changes.fire()),
    ];
  }

  async provideCodeLenses(document: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    const { uri } = document;
    if (uri.scheme !== 'file') return [];
    const top = new vscode.Range(0, 0, 0, 0);
    const lens = (title: string, command: string): vscode.CodeLens =>
      new vscode.CodeLens(top, { title, command, arguments: [uri] });
    const panel = lens('Open Panel', 's4s.openPanel');
    if (!vscode.workspace.isTrusted) return [panel];

    // Without a backend there is nothing to resume; its own failure is shown where it was started.
    const known = await this.runs.of(uri).catch(() => []);
    if (known.some(({ state }) => isActive(state))) return [lens('$(debug-stop) Stop', 's4s.stop'), panel];
    const resumable = known.find(({ task }) => task === 'learn')?.resumable === true;
    const resume = resumable ? [lens('$(debug-continue) Resume', 's4s.resume')] : [];
    return [lens('$(play) Learn Solver', 's4s.learn'), ...resume, lens('Preview Samples', 's4s.preview'), panel];
  }

  dispose(): void {
    vscode.Disposable.from(...this.subscriptions, this.changes).dispose();
  }
}
