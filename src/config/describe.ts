import type { SchemaNode } from './json-schema';
import { expectation, listedValues, plainText } from './schema-tree';

/** Markdown about one key: hover text, completion text and docs/config.md. */
export function describe(name: string, node: SchemaNode): string {
  const lines = [`**${name}**`];
  if (node.description !== undefined) lines.push(node.description);
  const values = listedValues(node).filter(({ text }) => text !== '');
  if (values.length > 0) lines.push(values.map(({ value, text }) => `- \`${plainText(value)}\`: ${text}`).join('\n'));
  const facts = [
    ['Unit', node['x-unit']],
    ['Takes', node.properties === undefined ? expectation(node) : undefined],
    ['Default', defaultText(node)],
    ['Source', node['x-source']],
  ].flatMap(([label, value]) => (value === undefined ? [] : [`${label}: ${value}`]));
  if (facts.length > 0) lines.push(facts.join('  \n'));
  return lines.join('\n\n');
}

/** The default in words; undefined for a key that must be given and for a block. */
export function defaultText(node: SchemaNode): string | undefined {
  if (node['x-default'] !== undefined) return node['x-default'];
  const value = node.default;
  if (value === undefined || (typeof value === 'object' && value !== null && !Array.isArray(value))) return undefined;
  if (value === null) return 'none';
  if (Array.isArray(value)) return value.length === 0 ? 'empty' : value.map(plainText).join(', ');
  return plainText(value);
}
