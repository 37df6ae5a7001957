import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkSolverYaml, referencedFiles } from './check';
import { complete } from './completion';
import { validYaml } from './fixtures';
import { hover } from './hover';

const snippets = [
  '{',
  '}',
  '[',
  ']',
  ':',
  ': ',
  '\n',
  '\n  ',
  '- ',
  '#',
  '&a ',
  '*a',
  '"',
  "'",
  '|',
  '>',
  '!!set ',
  '%',
  '\t',
  '? ',
  '<<: ',
  '---\n',
  '\u{1f600}',
  '\0',
  '9e999',
  'null',
];

/** Deletes, repeats and inserts at random places, as an editing hand or a torn write would. */
const mutated = fc
  .array(
    fc.record({
      at: fc.nat(validYaml.length),
      remove: fc.nat(40),
      insert: fc.oneof(
        fc.constantFrom(...snippets),
        fc.string({ maxLength: 8 }),
        fc.nat(validYaml.length).map((i) => validYaml.slice(i, i + 30)),
      ),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((edits) =>
    edits.reduce((text, { at, remove, insert }) => text.slice(0, at) + insert + text.slice(at + remove), validYaml),
  );

test('no text makes the checks throw, and every offset lies inside the text', () => {
  fc.assert(
    fc.property(fc.oneof(mutated, fc.string({ maxLength: 200 })), fc.nat(validYaml.length), (text, offset) => {
      const inside = ({ start, end }: { start: number; end: number }) => {
        expect(start).toBeGreaterThanOrEqual(0);
        expect(end).toBeGreaterThanOrEqual(start);
        expect(end).toBeLessThanOrEqual(text.length);
      };
      const { diagnostics, config } = checkSolverYaml(text, { baseDir: '/project' });
      expect(config === undefined).toBe(diagnostics.some((diagnostic) => diagnostic.severity === 'error'));
      for (const diagnostic of diagnostics) {
        inside(diagnostic);
        diagnostic.related?.forEach(inside);
        if (diagnostic.fix !== undefined) inside(diagnostic.fix);
        expect(diagnostic.message).toMatch(/[.?]$/);
      }
      referencedFiles(text, '/project');
      complete(text, offset).forEach(inside);
      const found = hover(text, offset);
      if (found !== undefined) inside(found);
    }),
    { numRuns: 400 },
  );
});
