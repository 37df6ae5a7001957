import * as vscode from 'vscode';
import type { Runs } from './runs';
import { statusText } from './status-text';

/** One item, left: what the newest run of this window is doing, then what came out. A click opens the panel. */
export function createStatusBar(runs: Runs): vscode.Disposable {
  const item = vscode.window.createStatusBarItem('s4s.status', vscode.StatusBarAlignment.Left, 10);
  item.name = 'S4S Studio';
  item.command = 's4s.openPanel';
  const draw = (): void => {
    const run = runs.latest();
    if (run === undefined) return;
    const { text, tooltip, error } = statusText(run);
    item.text = text;
    item.tooltip = tooltip;
    item.backgroundColor = error ? new vscode.ThemeColor('statusBarItem.errorBackground') : undefined;
    item.show();
  };
  return vscode.Disposable.from(item, runs.onDidChange(draw));
}
