import { describe, expect, test } from 'vitest';
import { complete } from './completion';
import { validYaml } from './fixtures';
import { hover } from './hover';

/** Splits a text at `|`, the cursor. */
function at(marked: string): [string, number] {
  const offset = marked.indexOf('|');
  return [marked.replace('|', ''), offset];
}
const labels = (marked: string) => complete(...at(marked)).map((entry) => entry.label);

describe('completion', () => {
  test.each([
    ['keys of the file', 'version: 1\n|', ['model', 'teacher', 'student'], ['version']],
    ['keys of an empty file', '|', ['version', 'model'], []],
    ['keys of a block after others', 'student:\n  order: 3\n  |', ['method', 'init'], ['order', 'version']],
    ['keys of a block that has only begun', 'student:\n  |', ['method', 'order'], ['version']],
    ['a half-typed key', 'student:\n  met|\n  order: 3\n', ['method'], ['order']],
    ['a half-typed key between blocks', 'version: 1\ntr|\ndevice: cpu\n', ['training'], ['device']],
    ['keys of a flow block', 'student: { order: 3, | }', ['method'], ['order']],
    ['keys of an unclosed flow block', 'student: { order: 3, |', ['method'], ['order']],
    [
      'keys of a kind of schedule',
      'model:\n  noise_schedule: { type: edm, | }',
      ['sigma_min', 'sigma_max'],
      ['beta_start'],
    ],
    ['the kind before the rest', 'model:\n  noise_schedule:\n    |', ['type'], ['beta_start']],
    ['values', 'student:\n  method: |', ['table', 's4s', 's4s-alt', 'ld3', 'amed'], ['order']],
    ['values of another key', 'student:\n  family: |', ['lms', 'pc', 'ss'], ['table']],
    ['half-typed values', 'teacher: { solver: un| }', ['unipc', 'ddim'], []],
    ['kinds of schedule', 'model:\n  noise_schedule:\n    type: |', ['linear', 'edm', 'flow'], []],
    ['the word of a number-or-word key', 'training:\n  batch_size: |', ['auto'], []],
  ])('%s', (_, marked, wanted, unwanted) => {
    const found = labels(marked);
    expect(found).toEqual(expect.arrayContaining(wanted));
    for (const label of unwanted) expect(found).not.toContain(label);
  });

  test.each([
    ['inside a comment', 'version: 1 # dev|'],
    ['where a number is wanted', 'training:\n  samples: |'],
    ['below a key that does not exist', 'nothing:\n  |'],
  ])('nothing wrong is proposed %s', (_, marked) => {
    expect(labels(marked).filter((label) => ['device', 'auto', 'cpu'].includes(label))).toEqual([]);
  });

  test('a block comes with its required keys as tab stops', () => {
    const entry = complete('', 0).find((found) => found.label === 'model');
    expect(entry?.insertText).toMatch(/^model:\n {2}path: \$\{1:.\/model.onnx\}\n {2}prediction_type: \$\{2\|epsilon,/);
  });

  test('the word at the cursor is replaced', () => {
    const [text, offset] = at('device: c|pu\n');
    const entry = complete(text, offset)[0];
    expect(text.slice(entry?.start, entry?.end)).toBe('cpu');
  });

  test('a key that has its colon gets no second one', () => {
    expect(complete(...at('stud|:\n  order: 3\n')).find((entry) => entry.label === 'student')?.insertText).toBe(
      'student',
    );
  });

  test('values carry a sentence each', () => {
    const entry = complete(...at('device: |')).find((found) => found.label === 'cpu');
    expect(entry?.documentation).toMatch(/everywhere/);
  });
});

describe('hover', () => {
  test.each([
    ['device', '**device**', 'Default: auto'],
    ['sample_shape', '**model.sample_shape**', 'Unit: elements per axis'],
    ['guidance_scale', '**model.conditioning.guidance_scale**', 'Source: arXiv 2207.12598'],
    ['beta_start', '**model.noise_schedule.beta_start**', 'above 0 and below 1'],
    ['minutes', '**training.budget.minutes**', 'Unit: minutes'],
  ])('%s', (key, title, fact) => {
    const found = hover(validYaml, validYaml.indexOf(key) + 1);
    expect(found?.markdown).toContain(title);
    expect(found?.markdown).toContain(fact);
    expect(validYaml.slice(found?.start, found?.end)).toBe(key);
  });

  test('a value and an entry of a list speak of their key', () => {
    expect(hover(validYaml, validYaml.indexOf('s4s-alt') + 1)?.markdown).toContain('**student.method**');
    expect(hover(validYaml, validYaml.indexOf('64, 64]'))?.markdown).toContain('**model.sample_shape**');
  });

  test('nothing on an unknown key or outside the text', () => {
    expect(hover('what: 1\n', 1)).toBeUndefined();
    expect(hover(validYaml, validYaml.length)).toBeUndefined();
  });
});
