import { readFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { expect, test } from 'vitest';
import { operatorsDocText } from './docs';

test('docs/operators.md is what the tables say (else run node tools/docs.mjs)', async () => {
  const style = await resolveConfig('docs/operators.md');
  const text = await format(operatorsDocText(), { ...style, parser: 'markdown' });
  expect(readFileSync('docs/operators.md', 'utf8')).toBe(text);
});
