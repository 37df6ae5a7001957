import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';

/** Matches solver.yaml, draft.solver.yaml and their .yml twins. */
const solverName = /(^|\.)solver\.ya?ml$/;
const solverGlob = '**/{solver,*.solver}.{yaml,yml}';

/** How long diagnostics of a file that was just opened or saved may take before the run starts without them. */
const diagnosticsGraceMs = 1000;

export function isSolverFile(uri: vscode.Uri): boolean {
  return solverName.test(basename(uri.path));
}

/** "digits" for digits/solver.yaml, "fast" for fast.solver.yaml. */
export function runName(configPath: string): string {
  const prefix = basename(configPath).replace(/\.?solver\.ya?ml$/, '');
  return prefix === '' ? basename(dirname(configPath)) : prefix;
}

/** The solver file a command means: its argument, the active editor, the only one in the workspace, or the one picked. */
export async function findSolverFile(argument: unknown): Promise<vscode.Uri | undefined> {
  if (argument instanceof vscode.Uri) return argument;
  const active = vscode.window.activeTextEditor?.document;
  if (active !== undefined && (active.languageId === 'solver-yaml' || isSolverFile(active.uri))) return active.uri;

  const found = await vscode.workspace.findFiles(solverGlob, '**/node_modules/**', 200);
  const [only] = found;
  if (only === undefined) {
    void vscode.window.showErrorMessage(
      'There is no solver.yaml in this workspace. Create one next to your ONNX model.',
    );
    return undefined;
  }
  if (found.length === 1) return only;
  const items = found
    .map((uri) => ({ label: vscode.workspace.asRelativePath(uri), uri }))
    .sort((a, b) => a.label.localeCompare(b.label));
  const picked = await vscode.window.showQuickPick(items, { placeHolder: 'Which solver file?' });
  return picked?.uri;
}

/**
 * Gets a solver file ready for a run: on disk, saved, and without errors. Says what is in the way and returns false
 * otherwise. `purpose` completes "… before ".
 */
export async function prepareSolverFile(uri: vscode.Uri, purpose: string): Promise<boolean> {
  const name = basename(uri.path);
  if (uri.scheme !== 'file') {
    void vscode.window.showErrorMessage(`${name} is not on a disk. Copy its folder to one before ${purpose}.`);
    return false;
  }
  const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  if (open === undefined || open.isDirty) {
    const settled = nextDiagnostics(uri);
    const document = open ?? (await vscode.workspace.openTextDocument(uri));
    if (document.isDirty && !(await document.save())) {
      void vscode.window.showErrorMessage(`${name} could not be saved. Save it before ${purpose}.`);
      return false;
    }
    await settled;
  }
  const errors = vscode.languages
    .getDiagnostics(uri)
    .filter(({ severity }) => severity === vscode.DiagnosticSeverity.Error).length;
  if (errors === 0) return true;
  const count = errors === 1 ? 'one error' : `${errors} errors`;
  const show = 'Show Problems';
  void vscode.window
    .showErrorMessage(`${name} has ${count}. Correct ${errors === 1 ? 'it' : 'them'} before ${purpose}.`, show)
    .then((choice) => {
      if (choice === show) void vscode.commands.executeCommand('workbench.actions.view.problems');
    });
  return false;
}

/** Resolves with the next diagnostics of a file. None come for a file that stays clean, so the wait is bounded. */
function nextDiagnostics(uri: vscode.Uri): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      listener.dispose();
      resolve();
    };
    const timer = setTimeout(done, diagnosticsGraceMs);
    const listener = vscode.languages.onDidChangeDiagnostics(({ uris }) => {
      if (uris.some((changed) => changed.toString() === uri.toString())) done();
    });
  });
}
