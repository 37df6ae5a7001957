import { readFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { expect, test } from 'vitest';
import { methodsDocText } from './docs';

test('the tables of docs/methods.md are what the methods are (else run node tools/docs.mjs)', async () => {
  const page = readFileSync('docs/methods.md', 'utf8');
  const style = await resolveConfig('docs/methods.md');
  expect(page).toBe(await format(methodsDocText(page), { ...style, parser: 'markdown' }));
});
