import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { gradientRules } from '.';

/** The words of all string literals in the tests of a folder. */
function quotedWords(folder: string): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.test.ts'))
    .flatMap((file) => readFileSync(join(folder, file), 'utf8').match(/'[^'\n]*'|"[^"\n]*"|`[^`]*`/g) ?? [])
    .flatMap((literal) => literal.slice(1, -1).split(/\s+/));
}

test('every operator with a gradient rule is named in a test', () => {
  const tested = new Set(['src/onnx/rules', 'src/onnx/expansions'].flatMap(quotedWords));
  expect(Object.keys(gradientRules).filter((operator) => !tested.has(operator))).toEqual([]);
});
