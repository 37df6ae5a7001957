import { isMap, isScalar, isSeq } from 'yaml';
import type { Node } from 'yaml';
import { describe } from './describe';
import type { TextRange } from './diagnostic';
import { parseSolverYaml } from './parse';
import { dotted } from './schema-check';
import { schemaAt } from './schema-tree';
import { keyText, rangeOfNode } from './yaml-tree';
import type { Path } from './yaml-tree';

export interface Hover extends TextRange {
  readonly markdown: string;
}

/** What the key under an offset means, with unit, range, default and source. */
export function hover(text: string, offset: number): Hover | undefined {
  const { document, value } = parseSolverYaml(text);
  if (document === undefined) return undefined;
  const found = findAt(text, document.contents, [], offset);
  if (found === undefined) return undefined;
  const path = found.path.filter((step) => typeof step === 'string');
  const node = schemaAt(path, value);
  return node === undefined ? undefined : { markdown: describe(dotted(path), node), ...found.range };
}

/** The deepest key or value that covers an offset. */
function findAt(
  text: string,
  node: Node | null,
  path: Path,
  offset: number,
): { path: Path; range: TextRange } | undefined {
  const covers = (candidate: Node) => {
    const range = rangeOfNode(text, candidate);
    return range.start <= offset && offset <= range.end ? range : undefined;
  };
  if (isMap(node)) {
    for (const { key, value } of node.items) {
      if (!isScalar(key)) continue;
      const inner = [...path, keyText(key)];
      const range = covers(key);
      if (range !== undefined) return { path: inner, range };
      const below = findAt(text, value as Node | null, inner, offset);
      if (below !== undefined) return below;
    }
  } else if (isSeq(node)) {
    for (const [i, item] of node.items.entries()) {
      const below = findAt(text, item as Node | null, [...path, i], offset);
      if (below !== undefined) return below;
    }
  } else if (isScalar(node)) {
    const range = covers(node);
    if (range !== undefined && path.length > 0) return { path, range };
  }
  return undefined;
}
