import { isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Document, Node, Pair, YAMLMap } from 'yaml';
import type { TextRange } from './diagnostic';

export type Path = readonly (string | number)[];

/** Largest solver.yaml that is read, in UTF-16 units. */
export const maxTextLength = 256 * 1024;
const maxDepth = 32;
/** Nodes that aliases may add. A bomb of a few lines asks for billions. */
const maxExpandedNodes = 20_000;

export class YamlLimitError extends Error {
  constructor(readonly code: 'too-many-aliases' | 'file-too-large') {
    super(code);
    this.name = 'YamlLimitError';
  }
}

/** Parses without throwing on bad YAML; throws `YamlLimitError` on a text that is too large or too deep. */
export function parseTree(text: string): Document.Parsed {
  if (text.length > maxTextLength) throw new YamlLimitError('file-too-large');
  try {
    return parseDocument(text, { prettyErrors: false, uniqueKeys: false, merge: false, version: '1.2' });
  } catch (error) {
    // The composer recurses; a text of brackets only can use up the stack.
    if (error instanceof RangeError) throw new YamlLimitError('file-too-large');
    throw error;
  }
}

export function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}

/**
 * The document as plain data. The first of two equal keys counts, an alias that leads nowhere is left out.
 * Throws `YamlLimitError` when aliases or nesting expand to more than a file may hold.
 */
export function toPlain(doc: Document.Parsed): unknown {
  let nodes = 0;
  let aliases = 0;
  const visit = (node: unknown, depth: number): unknown => {
    nodes += 1;
    if (nodes > maxExpandedNodes && aliases > 0) throw new YamlLimitError('too-many-aliases');
    if (depth > maxDepth) throw new YamlLimitError(aliases > 0 ? 'too-many-aliases' : 'file-too-large');
    if (isAlias(node)) {
      aliases += 1;
      return visit(node.resolve(doc), depth + 1);
    }
    if (isScalar(node)) return node.value;
    if (isSeq(node)) return node.items.map((item) => visit(item, depth + 1));
    if (!isMap(node)) return undefined;
    const result: Record<string, unknown> = {};
    for (const { key, value } of node.items) {
      const name = keyText(key);
      if (Object.hasOwn(result, name)) continue;
      // defineProperty, because a key may be named __proto__.
      Object.defineProperty(result, name, {
        value: value === null ? null : visit(value, depth + 1),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    return result;
  };
  return visit(doc.contents, 0);
}

/** Where a path stands in the document: its key (for members of a map) and its value. */
export interface Place {
  readonly key?: Node;
  readonly value?: Node;
}

function child(map: YAMLMap, name: string): Pair | undefined {
  return map.items.find((pair) => keyText(pair.key) === name);
}

function asNode(value: unknown): Node | undefined {
  return isScalar(value) || isMap(value) || isSeq(value) || isAlias(value) ? value : undefined;
}

export function placeOf(doc: Document.Parsed, path: Path): Place | undefined {
  let place: Place | undefined = doc.contents === null ? undefined : { value: doc.contents };
  for (const step of path) {
    let node: Node | undefined = place?.value;
    // A chain of aliases is finite: an anchor stands before its alias.
    while (isAlias(node)) node = node.resolve(doc);
    if (isMap(node)) {
      const pair = child(node, String(step));
      if (pair === undefined) return undefined;
      const [key, value] = [asNode(pair.key), asNode(pair.value)];
      place = { ...(key === undefined ? {} : { key }), ...(value === undefined ? {} : { value }) };
    } else if (isSeq(node) && typeof step === 'number') {
      const value = asNode(node.items[step]);
      if (value === undefined) return undefined;
      place = { value };
    } else return undefined;
  }
  return place;
}

/** The text of a node without the blank space after it. */
export function rangeOfNode(text: string, node: Node): TextRange {
  const [start, valueEnd] = node.range ?? [0, 0];
  let end = Math.min(valueEnd, text.length);
  while (end > start && /\s/.test(text.charAt(end - 1))) end -= 1;
  return { start: Math.min(start, end), end };
}

/** What to underline for a path; when it is not in the text, its nearest ancestor's key, then the first key of the file. */
export function rangeOf(text: string, doc: Document.Parsed, path: Path, part: 'key' | 'value' | 'pair'): TextRange {
  const place = placeOf(doc, path);
  const range = (node: Node | undefined) => (node === undefined ? undefined : rangeOfNode(text, node));
  const key = range(place?.key);
  const value = range(place?.value);
  const filled = value !== undefined && value.end > value.start ? value : undefined;
  if (place !== undefined && path.length > 0) {
    if (part === 'pair' && key !== undefined) return { start: key.start, end: filled?.end ?? key.end };
    const found = part === 'key' ? (key ?? filled) : (filled ?? key);
    if (found !== undefined) return found;
  }
  if (path.length > 0) return rangeOf(text, doc, path.slice(0, -1), 'key');
  const first = isMap(doc.contents) ? asNode(doc.contents.items[0]?.key) : (doc.contents ?? undefined);
  return range(first) ?? { start: 0, end: 0 };
}
