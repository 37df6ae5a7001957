import { jsonSchema } from './json-schema';
import type { SchemaNode } from './json-schema';
import type { SolverYaml } from './schema';
import { blockOf, isRecord } from './schema-tree';
import type { Path } from './yaml-tree';

type DeepPartial<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: DeepPartial<T[K]> | undefined }
    : T;

/** A file that may still have errors: a value is there when it is valid or a default, and missing when it is not usable. */
export type Draft = DeepPartial<SolverYaml>;

/** Fills defaults where the file says nothing and leaves out what the schema check refused. */
export function draftOf(data: unknown, unusable: readonly Path[]): Draft {
  const filled = fill(jsonSchema, data);
  for (const path of unusable) remove(filled, path);
  // Every value left was accepted by the schema at its place.
  return isRecord(filled) ? filled : {};
}

function fill(node: SchemaNode, value: unknown): unknown {
  const given = value === undefined ? structuredClone(node.default) : value;
  const properties = blockOf(node, given)?.properties;
  if (properties === undefined || !isRecord(given)) return given;
  const result: Record<string, unknown> = {};
  for (const [name, child] of Object.entries(properties)) {
    const inner = fill(child, Object.hasOwn(given, name) ? given[name] : undefined);
    if (inner !== undefined) result[name] = inner;
  }
  return result;
}

/** Lists are used whole or not at all. */
function remove(root: unknown, path: Path): void {
  let current = root;
  for (const [i, step] of path.entries()) {
    if (!isRecord(current)) return;
    if (i === path.length - 1 || Array.isArray(current[step])) {
      delete current[step];
      return;
    }
    current = current[step];
  }
}
