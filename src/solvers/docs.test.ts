import { readFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { expect, test } from 'vitest';
import { solversDocText } from './docs';

const page = readFileSync('docs/solvers.md', 'utf8');

test('the tables of docs/solvers.md are what the catalogue says (else run node tools/docs.mjs)', async () => {
  const style = await resolveConfig('docs/solvers.md');
  expect(page).toBe(await format(solversDocText(page), { ...style, parser: 'markdown' }));
});

test('a page without the comments around a table is refused by name', () => {
  expect(() => solversDocText(page.replace('<!-- end of grids -->', ''))).toThrow('<!-- end of grids -->');
});
