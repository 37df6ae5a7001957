import { dirname } from 'node:path';
import { DocumentDiagnosticReportKind, TextDocuments } from 'vscode-languageserver/node';
import type { Connection, Diagnostic, InitializeParams, ServerCapabilities } from 'vscode-languageserver/node';
import { CodeActionKind, TextDocumentSyncKind } from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { complete, hover, referencedFiles } from '../config';
import type { Checked } from '../config';
import { pipelineFiles } from '../onnx/pipeline-folder';
import type { Checker } from './checker';
import { pathOfUri, sourceName, toCodeAction, toCompletionItem, toDiagnostic, toRange } from './convert';
import { FileWatcher } from './file-watcher';

const debounceMs = 200;

/** Diagnostics, completion, hover and quick fixes of open solver.yaml documents. */
export class Language {
  private readonly documents = new TextDocuments(TextDocument);
  private readonly watcher = new FileWatcher((uris) => this.filesChanged(uris));
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private readonly checks = new Map<string, { readonly version: number; readonly result: Promise<Checked> }>();
  private pulls = false;
  private refreshes = false;
  private snippets = false;

  constructor(
    private readonly connection: Connection,
    private readonly checker: Checker,
  ) {}

  private readonly report = (error: unknown): void => this.connection.console.error(String(error));

  /** What the client can do decides whether it pulls diagnostics or gets them pushed. */
  capabilities({ capabilities }: InitializeParams): ServerCapabilities {
    this.pulls = capabilities.textDocument?.diagnostic !== undefined;
    this.refreshes = capabilities.workspace?.diagnostics?.refreshSupport === true;
    this.snippets = capabilities.textDocument?.completion?.completionItem?.snippetSupport === true;
    return {
      textDocumentSync: TextDocumentSyncKind.Incremental,
      completionProvider: { triggerCharacters: [' '] },
      hoverProvider: true,
      codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix] },
      ...(this.pulls
        ? { diagnosticProvider: { identifier: sourceName, interFileDependencies: false, workspaceDiagnostics: false } }
        : {}),
    };
  }

  listen(): void {
    const { connection, documents } = this;
    connection.onCompletion(({ textDocument, position }) => {
      const document = documents.get(textDocument.uri);
      if (document === undefined) return [];
      const entries = complete(document.getText(), document.offsetAt(position));
      return entries.map((entry, i) => toCompletionItem(document, entry, i, this.snippets));
    });
    connection.onHover(({ textDocument, position }) => {
      const document = documents.get(textDocument.uri);
      const found = document === undefined ? undefined : hover(document.getText(), document.offsetAt(position));
      if (document === undefined || found === undefined) return null;
      return { contents: { kind: 'markdown', value: found.markdown }, range: toRange(document, found) };
    });
    connection.onCodeAction(async ({ textDocument, range }) => {
      const document = documents.get(textDocument.uri);
      if (document === undefined) return [];
      const [from, to] = [document.offsetAt(range.start), document.offsetAt(range.end)];
      const { diagnostics } = await this.checked(document);
      return diagnostics.flatMap((found) =>
        found.fix !== undefined && found.start <= to && from <= found.end
          ? [toCodeAction(document, found, found.fix)]
          : [],
      );
    });
    connection.languages.diagnostics.on(async ({ textDocument }) => {
      const document = documents.get(textDocument.uri);
      const items = document === undefined ? [] : await this.diagnosticsOf(document);
      return { kind: DocumentDiagnosticReportKind.Full, items };
    });
    documents.onDidChangeContent(({ document }) => {
      if (!this.pulls) this.schedule(document.uri);
    });
    documents.onDidSave(({ document }) => this.filesChanged([document.uri]));
    documents.onDidClose(({ document: { uri } }) => {
      clearTimeout(this.timers.get(uri));
      this.timers.delete(uri);
      this.checks.delete(uri);
      this.watcher.watch(uri, []);
      if (!this.pulls) void connection.sendDiagnostics({ uri, diagnostics: [] });
    });
    documents.listen(connection);
  }

  private schedule(uri: string): void {
    clearTimeout(this.timers.get(uri));
    this.timers.set(
      uri,
      setTimeout(() => {
        this.timers.delete(uri);
        this.publish(uri).catch(this.report);
      }, debounceMs),
    );
  }

  private async publish(uri: string): Promise<void> {
    const document = this.documents.get(uri);
    if (document === undefined) return;
    const { version } = document;
    const diagnostics = await this.diagnosticsOf(document);
    // A newer text has its own timer; what was found in this one would land on the wrong lines.
    if (this.documents.get(uri)?.version === version)
      await this.connection.sendDiagnostics({ uri, version, diagnostics });
  }

  private filesChanged(uris: readonly string[]): void {
    for (const uri of uris) this.checks.delete(uri);
    if (!this.pulls) for (const uri of uris) this.schedule(uri);
    else if (this.refreshes) this.connection.languages.diagnostics.refresh().catch(this.report);
  }

  private async diagnosticsOf(document: TextDocument): Promise<Diagnostic[]> {
    const { diagnostics } = await this.checked(document);
    return diagnostics.map((found) => toDiagnostic(document, found));
  }

  private checked(document: TextDocument): Promise<Checked> {
    const known = this.checks.get(document.uri);
    if (known?.version === document.version) return known.result;
    const path = pathOfUri(document.uri);
    // Watched first, so that no change of a file falls between the check and the watch.
    if (path !== undefined) this.watcher.watch(document.uri, filesOf(document.getText(), dirname(path)));
    const result = this.checker.check(document.getText(), path);
    this.checks.set(document.uri, { version: document.version, result });
    return result;
  }
}

function filesOf(text: string, baseDir: string): readonly string[] {
  const { model, others, tensors } = referencedFiles(text, baseDir);
  return [...(model === undefined ? [] : pipelineFiles(model)), ...others, ...tensors];
}
