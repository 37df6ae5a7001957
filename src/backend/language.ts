import { DocumentDiagnosticReportKind, TextDocuments } from 'vscode-languageserver/node';
import type { Connection, Diagnostic, InitializeParams, ServerCapabilities } from 'vscode-languageserver/node';
import { CodeActionKind, TextDocumentSyncKind } from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { complete, hover } from '../config';
import type { Checked } from '../config';
import { Checker } from './checker';
import { pathOfUri, sourceName, toCodeAction, toCompletionItem, toDiagnostic, toRange } from './convert';

const debounceMs = 200;

/** Diagnostics, completion, hover and quick fixes of open solver.yaml documents. */
export class Language {
  private readonly documents = new TextDocuments(TextDocument);
  private readonly checker = new Checker((uris) => this.filesChanged(uris));
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private readonly checks = new Map<string, { readonly version: number; readonly result: Promise<Checked> }>();
  private pulls = false;
  private refreshes = false;
  private snippets = false;

  constructor(private readonly connection: Connection) {}

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
    documents.onDidChangeContent(({ document }) => this.schedule(document.uri));
    documents.onDidSave(({ document }) => this.filesChanged([document.uri]));
    documents.onDidClose(({ document: { uri } }) => {
      clearTimeout(this.timers.get(uri));
      this.timers.delete(uri);
      this.checks.delete(uri);
      this.checker.unwatch(uri);
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
        this.settle(uri).catch((error: unknown) => this.connection.console.error(String(error)));
      }, debounceMs),
    );
  }

  /** After a pause in typing: watches the files the text now names and, for clients that do not pull, publishes. */
  private async settle(uri: string): Promise<void> {
    const document = this.documents.get(uri);
    if (document === undefined) return;
    const path = pathOfUri(uri);
    if (path !== undefined) this.checker.watch(uri, document.getText(), path);
    if (this.pulls) return;
    const { version } = document;
    const diagnostics = await this.diagnosticsOf(document);
    // A newer text has its own timer; what was found in this one would land on the wrong lines.
    if (this.documents.get(uri)?.version === version) await this.connection.sendDiagnostics({ uri, version, diagnostics });
  }

  private filesChanged(uris: readonly string[]): void {
    for (const uri of uris) {
      this.checks.delete(uri);
      this.schedule(uri);
    }
    if (this.pulls && this.refreshes) this.connection.languages.diagnostics.refresh();
  }

  private async diagnosticsOf(document: TextDocument): Promise<Diagnostic[]> {
    const { diagnostics } = await this.checked(document);
    return diagnostics.map((found) => toDiagnostic(document, found));
  }

  private checked(document: TextDocument): Promise<Checked> {
    const known = this.checks.get(document.uri);
    if (known?.version === document.version) return known.result;
    const result = this.checker.check(document.getText(), pathOfUri(document.uri));
    this.checks.set(document.uri, { version: document.version, result });
    return result;
  }
}
