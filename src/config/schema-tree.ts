import { jsonSchema } from './json-schema';
import type { SchemaNode } from './json-schema';
import type { Path } from './yaml-tree';

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const step of path) {
    if (Array.isArray(current)) current = (current as unknown[])[Number(step)];
    else if (isRecord(current) && Object.hasOwn(current, String(step))) current = current[String(step)];
    else return undefined;
  }
  return current;
}

/** The kinds a value may be: the node itself, or its alternatives. */
export function alternatives(node: SchemaNode): readonly SchemaNode[] {
  return node.anyOf ?? node.oneOf ?? [node];
}

/** The block of keys that a node may be; of several kinds of block, the one whose `type` is that of `data`. */
export function blockOf(node: SchemaNode, data: unknown): SchemaNode | undefined {
  const blocks = alternatives(node).filter((option) => option.properties !== undefined);
  if (blocks.length <= 1) return blocks[0];
  const type = isRecord(data) ? data['type'] : undefined;
  const match = blocks.find((block) => block.properties?.['type']?.const === type);
  if (match !== undefined) return match;
  // Without a kind only the key that chooses it is known.
  const kinds = blocks.flatMap((block) => block.properties?.['type'] ?? []);
  const type0 = kinds[0];
  if (type0 === undefined) return undefined;
  const { const: _const, ...rest } = type0;
  const choice: SchemaNode = {
    ...rest,
    enum: kinds.map((kind) => kind.const),
    enumDescriptions: blocks.map((block) => block.description ?? ''),
  };
  return { type: 'object', properties: { type: choice }, required: ['type'] };
}

/** All kinds of `type` of a node with several kinds of block, else the node's own key. */
export function propertyOf(node: SchemaNode, name: string, data: unknown): SchemaNode | undefined {
  if (node.oneOf !== undefined && name === 'type') return blockOf(node, undefined)?.properties?.['type'];
  const properties = blockOf(node, data)?.properties;
  if (properties === undefined) return node.additionalProperties || undefined;
  return Object.hasOwn(properties, name) ? properties[name] : undefined;
}

/** The schema of a path; `data` decides between kinds of block. */
export function schemaAt(path: Path, data: unknown): SchemaNode | undefined {
  let node: SchemaNode | undefined = jsonSchema;
  let value = data;
  for (const step of path) {
    if (node === undefined) return undefined;
    if (typeof step === 'number') node = alternatives(node).find((option) => option.items !== undefined)?.items;
    else node = propertyOf(node, step, value);
    value = valueAt(value, [step]);
  }
  return node;
}

/** A scalar as it stands in YAML. */
export function plainText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The values a node lists, with a sentence for each where there is one. */
export function listedValues(node: SchemaNode): { readonly value: unknown; readonly text: string }[] {
  return alternatives(node).flatMap((option) => {
    if (option.const !== undefined) return [{ value: option.const, text: '' }];
    if (option.type === 'boolean') return [true, false].map((value) => ({ value, text: '' }));
    return (option.enum ?? []).map((value, i) => ({ value, text: option.enumDescriptions?.[i] ?? '' }));
  });
}

function numberRange(node: SchemaNode): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = node;
  const kind = node.type === 'integer' ? 'a whole number' : 'a number';
  const low =
    minimum !== undefined ? `from ${minimum}` : exclusiveMinimum !== undefined ? `above ${exclusiveMinimum}` : '';
  const unlimited = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER;
  const high = !unlimited
    ? `${minimum !== undefined ? 'to' : 'up to'} ${maximum}`
    : exclusiveMaximum !== undefined
      ? `below ${exclusiveMaximum}`
      : '';
  const join = low.startsWith('above') && high !== '' ? ' and ' : ' ';
  return [kind, [low, high].filter((part) => part !== '').join(join)].filter((part) => part !== '').join(' ');
}

/** What a node takes, in words: "a whole number from 1 to 64 or a list of …". */
export function expectation(node: SchemaNode): string {
  const blocks = alternatives(node).filter((option) => option.properties !== undefined);
  const parts = alternatives(node).flatMap((option) => {
    if (option.properties !== undefined) return option === blocks[0] ? ['a block of keys'] : [];
    if (option.additionalProperties) return [`a block of names, each with ${expectation(option.additionalProperties)}`];
    if (option.const !== undefined) return [plainText(option.const)];
    if (option.enum !== undefined)
      return [option.enum.length === 1 ? plainText(option.enum[0]) : `one of ${option.enum.join(', ')}`];
    if (option.type === 'null') return ['null'];
    if (option.type === 'boolean') return ['true or false'];
    if (option.items !== undefined) {
      const { minItems = 0, maxItems } = option;
      const lengths = minItems === maxItems ? `${minItems}` : `${minItems} to ${maxItems}`;
      return [`a list${maxItems === undefined ? '' : ` with ${lengths} entries`}, each ${expectation(option.items)}`];
    }
    return [option.type === 'string' ? 'text' : numberRange(option)];
  });
  return parts.join(' or ');
}
