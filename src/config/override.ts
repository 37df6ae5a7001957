import { parseDocument } from 'yaml';

/** A key of solver.yaml with another value; undefined takes the key away. */
export interface Override {
  readonly key: readonly string[];
  readonly value: unknown;
}

/** The text of a solver.yaml with some keys replaced. Text that is no YAML stays as it is, for the check to complain about. */
export function overrideYaml(text: string, overrides: readonly Override[]): string {
  if (overrides.length === 0) return text;
  const document = parseDocument(text);
  if (document.errors.length > 0) return text;
  for (const { key, value } of overrides) {
    if (value !== undefined) document.setIn(key, value);
    else if (document.hasIn(key)) document.deleteIn(key);
  }
  return document.toString();
}
