import type { SchemaNode } from './json-schema';
import { alternatives, blockOf, listedValues, plainText } from './schema-tree';

/** A plausible value for a key that is not a block: its default, its example, its first listed value, or its lower end. */
export function leafText(node: SchemaNode): string {
  const value =
    node.default ??
    node.examples?.[0] ??
    listedValues(node)[0]?.value ??
    alternatives(node).map((option) => option.minimum ?? option.exclusiveMinimum)[0] ??
    '';
  return Array.isArray(value) ? `[${value.map(plainText).join(', ')}]` : plainText(value);
}

/**
 * YAML of a key with all that is required below it, for quick fixes and completion.
 * `leaf` writes a value (a snippet puts a tab stop around it); lines after the first are indented by `indent`.
 */
export function skeleton(name: string, node: SchemaNode, indent: string, leaf = leafText): string {
  const block = blockOf(
    node,
    node.oneOf === undefined ? undefined : { type: node.oneOf[0]?.properties?.['type']?.const },
  );
  const wantsBlock = block !== undefined && (node.default === undefined || typeof node.default === 'object');
  if (!wantsBlock) return `${name}: ${leaf(node)}`;
  const properties = Object.entries(block.properties ?? {});
  const required = properties.filter(([key]) => block.required?.includes(key) === true);
  // A block without required keys shows the ones people change: those with a plain default.
  const shown =
    required.length > 0
      ? required
      : properties.filter(([, child]) => child.default != null && blockOf(child, undefined) === undefined);
  const inner = `${indent}  `;
  const chosen = shown.length > 0 ? shown : properties;
  return [`${name}:`, ...chosen.map(([key, child]) => `${inner}${skeleton(key, child, inner, leaf)}`)].join('\n');
}
