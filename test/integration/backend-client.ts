import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createProtocolConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-languageserver/node';
import type {
  ClientCapabilities,
  Diagnostic,
  ProtocolConnection,
  PublishDiagnosticsParams,
} from 'vscode-languageserver/node';
import { methods } from '../../src/protocol';
import type { RunEventParams, RunInfo } from '../../src/protocol';

const timeoutMs = 20_000;

/** The built backend over stdio, as an editor that is not VS Code would use it. */
export class BackendClient {
  readonly published: PublishDiagnosticsParams[] = [];
  readonly events: RunEventParams[] = [];
  readonly changes: RunInfo[] = [];
  private refreshes = 0;
  private version = 0;

  private constructor(
    readonly process: ChildProcess,
    readonly connection: ProtocolConnection,
  ) {}

  static async start(capabilities: ClientCapabilities, initializationOptions: object = {}): Promise<BackendClient> {
    const bundle = resolve('dist/backend.js');
    if (!existsSync(bundle)) throw new Error(`${bundle} is missing: run node tools/build.mjs first.`);
    const child = spawn(process.execPath, [bundle, '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const connection = createProtocolConnection(
      new StreamMessageReader(child.stdout),
      new StreamMessageWriter(child.stdin),
    );
    const client = new BackendClient(child, connection);
    connection.onNotification('textDocument/publishDiagnostics', (params: PublishDiagnosticsParams) => {
      client.published.push(params);
    });
    connection.onNotification(methods.event, (params: RunEventParams) => void client.events.push(params));
    connection.onNotification(methods.runChanged, (info: RunInfo) => void client.changes.push(info));
    connection.onRequest('workspace/diagnostic/refresh', () => {
      client.refreshes += 1;
      return null;
    });
    connection.listen();
    await client.request('initialize', { processId: process.pid, rootUri: null, capabilities, initializationOptions });
    await connection.sendNotification('initialized', {});
    return client;
  }

  request<Result>(method: string, params: unknown): Promise<Result> {
    return this.connection.sendRequest<Result>(method, params);
  }

  async open(uri: string, text: string): Promise<void> {
    this.version = 1;
    const textDocument = { uri, languageId: 'solver-yaml', version: this.version, text };
    await this.connection.sendNotification('textDocument/didOpen', { textDocument });
  }

  async change(uri: string, text: string): Promise<void> {
    this.version += 1;
    const textDocument = { uri, version: this.version };
    await this.connection.sendNotification('textDocument/didChange', { textDocument, contentChanges: [{ text }] });
  }

  /** Diagnostics published for the newest text of a document. */
  async diagnostics(uri: string): Promise<Diagnostic[]> {
    const newest = () => this.published.findLast((params) => params.uri === uri && params.version === this.version);
    return (await this.until('diagnostics', newest)).diagnostics;
  }

  async refreshed(): Promise<void> {
    const before = this.refreshes;
    await this.until('a request to pull again', () => (this.refreshes > before ? true : undefined));
  }

  async runState(state: RunInfo['state']): Promise<RunInfo> {
    return this.until(`a run that is ${state}`, () => this.changes.findLast((info) => info.state === state));
  }

  async until<Found>(what: string, find: () => Found | undefined): Promise<Found> {
    const deadline = Date.now() + timeoutMs;
    while (Date.now() < deadline) {
      const found = find();
      if (found !== undefined) return found;
      await new Promise((done) => setTimeout(done, 10));
    }
    throw new Error(`The backend sent no ${what} within ${timeoutMs / 1000} s; runs: ${JSON.stringify(this.changes)}`);
  }

  /** Ends the backend as an editor does. Resolves with its exit code. */
  async stop(): Promise<number | null> {
    const exit = new Promise<number | null>((done) => this.process.once('exit', done));
    await this.request('shutdown', undefined);
    await this.connection.sendNotification('exit');
    const code = await exit;
    this.connection.dispose();
    return code;
  }
}
