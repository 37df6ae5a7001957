import { join } from 'node:path';
import { createConnection } from 'vscode-languageserver/node';
import { methods } from '../protocol';
import { Checker } from './checker';
import { Language } from './language';
import { RunManager } from './run-manager';
import { serveRuns } from './run-requests';

// The backend process: a language server for solver.yaml that also owns the runs. Started with --node-ipc or --stdio.
// It never loads ONNX Runtime: a job that crashes or fills the device must not take diagnostics with it.

/** Editors end a server that takes longer than two seconds to shut down; jobs left behind finish their checkpoint. */
const shutdownWaitMs = 1500;

const connection = createConnection();
const checker = new Checker();
const language = new Language(connection, checker);
let runs: RunManager | undefined;

connection.onInitialize((params) => {
  runs = new RunManager({
    jobPath: jobPathOf(params.initializationOptions) ?? join(__dirname, 'job.js'),
    onEvent: (event) => void connection.sendNotification(methods.event, event),
    onChanged: (info) => void connection.sendNotification(methods.runChanged, info),
  });
  serveRuns(connection, runs, checker);
  return { capabilities: language.capabilities(params), serverInfo: { name: 'S4S Studio' } };
});
connection.onShutdown(() => runs?.shutdown(shutdownWaitMs));
language.listen();
connection.listen();

/** Another job program, for tests. */
function jobPathOf(options: unknown): string | undefined {
  const path = (options as { jobPath?: unknown } | null | undefined)?.jobPath;
  return typeof path === 'string' ? path : undefined;
}
