import type { Diagnostic } from '../config';
import { lineColumn } from '../jobs/load-config';

/** `path:line:column: error: message [code]`, the form terminals make clickable. */
export function formatDiagnostic(path: string, text: string, diagnostic: Diagnostic): string {
  const { severity, message, code, start } = diagnostic;
  return `${path}:${lineColumn(text, start)}: ${severity}: ${message} [${code}]`;
}
