import { isAlias, isMap, isScalar, isSeq } from 'yaml';
import { describe } from './describe';
import type { TextRange } from './diagnostic';

import type { SchemaNode } from './json-schema';
import { alternatives, blockOf, isRecord, listedValues, plainText, schemaAt, valueAt } from './schema-tree';
import { leafText, skeleton } from './skeleton';
import { keyText, parseTree, toPlain, YamlLimitError } from './yaml-tree';
import type { Path } from './yaml-tree';

export interface CompletionEntry extends TextRange {
  readonly label: string;
  readonly kind: 'key' | 'value';
  /** Snippet with `${1:…}` tab stops; lines after the first are indented relative to the line of the cursor. */
  readonly insertText: string;
  readonly detail: string;
  /** Markdown. */
  readonly documentation: string;
}

/** Stands for the word at the cursor while the half-typed text is parsed. */
const marker = 'S4Scursor';
const wordPart = /[\w.-]/;

/** Keys that may be added, or values that may be written, at an offset of a text that need not be valid. */
export function complete(text: string, offset: number): CompletionEntry[] {
  let start = Math.min(Math.max(offset, 0), text.length);
  let end = start;
  while (start > 0 && wordPart.test(text.charAt(start - 1))) start -= 1;
  while (end < text.length && wordPart.test(text.charAt(end))) end += 1;
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  const before = text.slice(lineStart, start);
  const after = text.slice(end, end + 1);
  // Alone on its line the word is a key; the colon keeps it from being read as the rest of the value above.
  const asKey = /^ *$/.test(before) && /^[ \t]*(\r?\n|$)/.test(text.slice(end));
  const glue = /[^\s[{,]$/.test(before) ? ' ' : '';
  const probe = `${text.slice(0, start)}${glue}${marker}${asKey ? ':' : ''}${text.slice(end)}`;
  const place = findMarker(probe);
  if (place === undefined) return [];
  const { path, data, inFlow, isKey } = place;
  const node = schemaAt(isKey ? path.slice(0, -1) : path, data);
  if (node === undefined) return [];
  const range = { start, end };
  if (isKey) return keyEntries(node, valueAt(data, path.slice(0, -1)), range, { inFlow, keyOnly: after === ':' });
  const values = valueEntries(node, range, glue);
  return values.length > 0 || glue === ' ' || inFlow
    ? values
    : keyEntries(node, undefined, range, { inFlow, keyOnly: false });
}

interface MarkerPlace {
  readonly path: Path;
  readonly data: unknown;
  readonly isKey: boolean;
  readonly inFlow: boolean;
}

function findMarker(probe: string): MarkerPlace | undefined {
  try {
    const doc = parseTree(probe);
    const found = search(doc.contents, [], false);
    return found === undefined ? undefined : { ...found, data: toPlain(doc) };
  } catch (error) {
    if (error instanceof YamlLimitError) return undefined;
    throw error;
  }
}

function search(node: unknown, path: Path, inFlow: boolean): Omit<MarkerPlace, 'data'> | undefined {
  if (isScalar(node)) return node.value === marker ? { path, isKey: false, inFlow } : undefined;
  if (isAlias(node)) return undefined;
  if (isMap(node)) {
    const flow = inFlow || node.flow === true;
    for (const { key, value } of node.items) {
      const name = keyText(key);
      if (name === marker) return { path: [...path, name], isKey: true, inFlow: flow };
      const found = search(value, [...path, name], flow);
      if (found !== undefined) return found;
    }
  }
  if (isSeq(node)) {
    for (const [i, item] of node.items.entries()) {
      const found = search(item, [...path, i], inFlow || node.flow === true);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function keyEntries(
  node: SchemaNode,
  present: unknown,
  range: TextRange,
  { inFlow, keyOnly }: { inFlow: boolean; keyOnly: boolean },
): CompletionEntry[] {
  const block = blockOf(node, present);
  return Object.entries(block?.properties ?? {})
    .filter(([name]) => !(isRecord(present) && Object.hasOwn(present, name)))
    .map(([name, child]) => ({
      label: name,
      kind: 'key' as const,
      insertText: keyOnly ? name : keySnippet(name, child, inFlow),
      detail: child['x-unit'] ?? '',
      documentation: describe(name, child),
      ...range,
    }));
}

function keySnippet(name: string, node: SchemaNode, inFlow: boolean): string {
  let stop = 0;
  const leaf = (child: SchemaNode) => {
    stop += 1;
    const names = listedValues(child).filter((item) => typeof item.value === 'string');
    const numbers = alternatives(child).some((option) => option.enum === undefined && option.const === undefined);
    if (names.length > 1 && !numbers) {
      const first = leafText(child);
      const others = names.map((item) => plainText(item.value)).filter((value) => value !== first);
      return `\${${stop}|${[first, ...others].join(',')}|}`;
    }
    return `\${${stop}:${leafText(child).replace(/[\\$}]/g, '\\$&')}}`;
  };
  const text = skeleton(name, node, '', leaf);
  return inFlow && text.includes('\n') ? `${name}: { $1 }` : text;
}

function valueEntries(node: SchemaNode, range: TextRange, glue: string): CompletionEntry[] {
  return listedValues(node).map(({ value, text }) => ({
    label: plainText(value),
    kind: 'value' as const,
    insertText: `${glue}${plainText(value)}`,
    detail: value === node.default ? 'default' : '',
    documentation: text,
    ...range,
  }));
}
