import type { Document } from 'yaml';
import type { Diagnostic, DiagnosticCode, Fix } from './diagnostic';
import { placeOf, rangeOf } from './yaml-tree';
import type { Path } from './yaml-tree';

export interface Finding {
  readonly code: DiagnosticCode;
  readonly severity?: 'warning';
  readonly message: string;
  readonly path: Path;
  readonly at?: 'key' | 'value' | 'pair';
  readonly related?: readonly { readonly path: Path; readonly message: string }[];
  readonly fix?: Fix;
}

/** Collects findings about paths of one document and turns them into diagnostics with ranges. */
export class Report {
  readonly diagnostics: Diagnostic[] = [];

  constructor(
    readonly text: string,
    readonly document: Document.Parsed,
  ) {}

  add({ code, severity, message, path, at = 'value', related = [], fix }: Finding): void {
    // A related place that the file leaves to its default has no range of its own.
    const places = related.filter((other) => this.has(other.path));
    this.diagnostics.push({
      code,
      severity: severity ?? 'error',
      message,
      ...rangeOf(this.text, this.document, path, at),
      ...(places.length === 0
        ? {}
        : {
            related: places.map((other) => ({
              ...rangeOf(this.text, this.document, other.path, 'pair'),
              message: other.message,
            })),
          }),
      ...(fix === undefined ? {} : { fix }),
    });
  }

  has(path: Path): boolean {
    return placeOf(this.document, path) !== undefined;
  }

  /** A fix that writes another value at a path; none when the path is not in the text. */
  replace(path: Path, newText: string): { fix: Fix } | Record<string, never> {
    const value = placeOf(this.document, path)?.value;
    if (value === undefined) return {};
    return { fix: { title: `Write ${newText}`, newText, ...rangeOf(this.text, this.document, path, 'value') } };
  }
}
