import { diagnosticCodes } from './diagnostic';
import { defaultText, describe } from './describe';
import { jsonSchema } from './json-schema';
import type { SchemaNode } from './json-schema';
import { alternatives, expectation, isRecord, listedValues, plainText } from './schema-tree';

/** Text of media/solver.schema.json: the schema with hover text for editors that read JSON Schema only. */
export function schemaFileText(): string {
  return `${JSON.stringify(withMarkdown('solver.yaml', jsonSchema), null, 2)}\n`;
}

function withMarkdown(name: string, node: SchemaNode): unknown {
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(node) as [string, unknown][]) {
    if (key === 'properties' && isRecord(value)) {
      copy[key] = Object.fromEntries(
        Object.entries(value).map(([child, schema]) => [child, withMarkdown(child, schema as SchemaNode)]),
      );
    } else if ((key === 'anyOf' || key === 'oneOf') && Array.isArray(value)) {
      copy[key] = value.map((option) => withMarkdown(name, option as SchemaNode));
    } else if (!key.startsWith('x-')) copy[key] = value;
  }
  if (node.description !== undefined) copy['markdownDescription'] = describe(name, node);
  return copy;
}

/** Text of docs/config.md. */
export function configDocText(): string {
  return [
    '# solver.yaml',
    '',
    'Made from the schema by `node tools/docs.mjs`; edit `src/config/schema.ts` instead.',
    'Paths are relative to the file. Keys without a default are required.',
    '',
    ...sections('', jsonSchema, 2),
    '## Diagnostics',
    '',
    'Every diagnostic has a stable code.',
    '',
    '| code | meaning |',
    '| --- | --- |',
    ...Object.entries(diagnosticCodes).map(([code, text]) => `| \`${code}\` | ${text} |`),
    '',
  ].join('\n');
}

function sections(prefix: string, node: SchemaNode, level: number): string[] {
  const rows: string[] = [];
  const below: string[] = [];
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    const blocks = alternatives(child).filter((option) => option.properties !== undefined);
    if (blocks.length !== 1 || alternatives(child).length > 1) rows.push(row(name, child));
    for (const block of blocks) {
      const kind = block.properties?.['type']?.const;
      const title = typeof kind === 'string' ? `${path} with type ${kind}` : path;
      const text = (typeof kind === 'string' ? block.description : child.description) ?? '';
      below.push(`${'#'.repeat(level)} ${title}`, '', text, '', ...sections(path, block, Math.min(level + 1, 4)));
    }
  }
  const table =
    rows.length === 0 ? [] : ['| key | takes | default | meaning |', '| --- | --- | --- | --- |', ...rows, ''];
  return [...table, ...below];
}

function row(name: string, node: SchemaNode): string {
  const unit = node['x-unit'] === undefined ? '' : ` Unit: ${node['x-unit']}.`;
  const source = node['x-source'] === undefined ? '' : ` Source: ${node['x-source']}.`;
  const values = listedValues(node)
    .filter(({ text }) => text !== '')
    .map(({ value, text }) => `<br>\`${plainText(value)}\`: ${text}`)
    .join('');
  const fallback = defaultText(node) ?? (node.default === undefined ? 'required' : '');
  const cells = [`\`${name}\``, expectation(node), fallback, `${node.description ?? ''}${unit}${source}${values}`];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
