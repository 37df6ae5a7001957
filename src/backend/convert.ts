import { fileURLToPath } from 'node:url';
import {
  CodeActionKind,
  CompletionItemKind,
  DiagnosticSeverity,
  DiagnosticTag,
  InsertTextFormat,
  MarkupKind,
} from 'vscode-languageserver/node';
import type { CodeAction, CompletionItem, Diagnostic, Range } from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { CompletionEntry, Diagnostic as Found, Fix, TextRange } from '../config';

export const sourceName = 's4s';

/** Absolute path of a file: URI; undefined for untitled and virtual documents. */
export function pathOfUri(uri: string): string | undefined {
  try {
    return fileURLToPath(uri);
  } catch {
    return undefined;
  }
}

export function toRange(document: TextDocument, { start, end }: TextRange): Range {
  return { start: document.positionAt(start), end: document.positionAt(end) };
}

export function toDiagnostic(document: TextDocument, found: Found): Diagnostic {
  return {
    range: toRange(document, found),
    severity: found.severity === 'error' ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning,
    code: found.code,
    source: sourceName,
    message: found.message,
    ...(found.code === 'unused-key' ? { tags: [DiagnosticTag.Unnecessary] } : {}),
    ...(found.related === undefined
      ? {}
      : {
          relatedInformation: found.related.map((other) => ({
            location: { uri: document.uri, range: toRange(document, other) },
            message: other.message,
          })),
        }),
  };
}

export function toCodeAction(document: TextDocument, found: Found, fix: Fix): CodeAction {
  return {
    title: fix.title,
    kind: CodeActionKind.QuickFix,
    isPreferred: true,
    diagnostics: [toDiagnostic(document, found)],
    edit: { changes: { [document.uri]: [{ range: toRange(document, fix), newText: fix.newText }] } },
  };
}

/** @param place keeps the order of the schema. */
export function toCompletionItem(
  document: TextDocument,
  entry: CompletionEntry,
  place: number,
  snippets: boolean,
): CompletionItem {
  return {
    label: entry.label,
    kind: entry.kind === 'key' ? CompletionItemKind.Property : CompletionItemKind.EnumMember,
    sortText: String(place).padStart(3, '0'),
    ...(entry.detail === '' ? {} : { detail: entry.detail }),
    documentation: { kind: MarkupKind.Markdown, value: entry.documentation },
    insertTextFormat: snippets ? InsertTextFormat.Snippet : InsertTextFormat.PlainText,
    textEdit: { range: toRange(document, entry), newText: snippets ? entry.insertText : entry.label },
  };
}
