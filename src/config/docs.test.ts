import { readFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import { expect, test } from 'vitest';
import { configDocText, schemaFileText } from './docs';
import { jsonSchema } from './json-schema';
import type { SchemaNode } from './json-schema';

const stale = 'stale: run node tools/docs.mjs';

test('media/solver.schema.json is what the schema gives', async () => {
  expect(await readFile('media/solver.schema.json', 'utf8'), stale).toBe(schemaFileText());
});

test('docs/config.md is what the schema gives', async () => {
  const style = await resolveConfig('docs/config.md');
  const text = await format(configDocText(), { ...style, parser: 'markdown' });
  expect(await readFile('docs/config.md', 'utf8'), stale).toBe(text);
});

test('every key has a sentence, and every key without one default says what it takes', () => {
  const visit = (path: string, node: SchemaNode): void => {
    for (const [name, child] of Object.entries(node.properties ?? {})) {
      expect(child.description, `${path}.${name}`).toMatch(/\S.*\.$/);
      visit(`${path}.${name}`, child);
    }
    for (const option of [...(node.anyOf ?? []), ...(node.oneOf ?? [])]) visit(path, option);
  };
  visit('', jsonSchema);
});
