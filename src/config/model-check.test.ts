import { describe, expect, test } from 'vitest';
import { checkSolverYaml } from './check';
import { readModelFacts } from './facts';
import type { ModelFacts } from './facts';
import { edited, validYaml } from './fixtures';
import { findPorts } from './ports';
import type { PortFact } from './ports';

const sample: PortFact = { name: 'sample', dtype: 'float32', shape: ['batch', 4, 64, 64] };
const timestep: PortFact = { name: 'timestep', dtype: 'float32', shape: ['batch'] };
const labels: PortFact = { name: 'class_labels', dtype: 'int64', shape: ['batch'] };
const output: PortFact = { name: 'out_sample', dtype: 'float32', shape: ['batch', 4, 64, 64] };

const header = (inputs: readonly PortFact[], outputs: readonly PortFact[] = [output]): ModelFacts => ({
  kind: 'header',
  path: '/project/unet.onnx',
  inputs,
  outputs,
});

function shown(text: string, model: ModelFacts): [string, string][] {
  const { diagnostics } = checkSolverYaml(text, { baseDir: '/project', model });
  return diagnostics.map(({ code, start, end }) => [code, text.slice(start, end)]);
}

test('a model that fits has no diagnostics', () => {
  expect(shown(validYaml, header([sample, timestep, labels]))).toEqual([]);
});

const withoutLabels = edited(
  `  conditioning:
    class_labels: [0, 1, 2]
    guidance_scale: 2.0
    unconditional_label: 10
`,
  '',
);

const cases: readonly [string, string, ModelFacts, string, string][] = [
  ['missing', validYaml, { kind: 'missing', path: '/x' }, 'model-missing', './unet.onnx'],
  ['torn', validYaml, { kind: 'unreadable', path: '/x', message: 'Torn.' }, 'model-unreadable', './unet.onnx'],
  [
    'another size',
    edited('[4, 64, 64]', '[4, 32, 32]'),
    header([sample, timestep, labels], []),
    'model-input',
    '[4, 32, 32]',
  ],
  ['another rank', edited('[4, 64, 64]', '[4096]'), header([sample, timestep, labels], []), 'model-input', '[4096]'],
  ['no sample input', validYaml, header([timestep, labels]), 'model-input', '[4, 64, 64]'],
  ['no time input', validYaml, header([sample, labels]), 'model-input', './unet.onnx'],
  ['no label input', validYaml, header([sample, timestep]), 'model-input', 'class_labels: [0, 1, 2]'],
  ['labels wanted', withoutLabels, header([sample, timestep, labels]), 'model-input', 'model'],
  [
    'a fixed batch',
    validYaml,
    header([{ ...sample, shape: [1, 4, 64, 64] }, timestep, labels]),
    'model-input',
    './unet.onnx',
  ],
  [
    'whole-number samples',
    validYaml,
    header([{ ...sample, dtype: 'int64' }, timestep, labels]),
    'model-input',
    './unet.onnx',
  ],
  [
    'an input nobody fills',
    validYaml,
    header([sample, timestep, labels, { name: 'encoder_hidden_states', dtype: 'float32', shape: ['batch', 77, 768] }]),
    'model-input',
    './unet.onnx',
  ],
  [
    'a name that is not there',
    edited('  conditioning:', '  inputs: { sample: latent_in }\n  conditioning:'),
    header([sample, timestep, labels]),
    'model-input',
    'latent_in',
  ],
  [
    'twice the channels',
    validYaml,
    header([sample, timestep, labels], [{ ...output, shape: ['batch', 8, 64, 64] }]),
    'model-output',
    '[4, 64, 64]',
  ],
];

test.each(cases)('%s', (_, text, model, code, underlined) => {
  expect(shown(text, model)).toEqual([[code, underlined]]);
});

test('the shape of the model is offered as a fix', () => {
  const text = edited('[4, 64, 64]', '[4, 32, 32]');
  const { diagnostics } = checkSolverYaml(text, { baseDir: '/project', model: header([sample, timestep, labels], []) });
  expect(diagnostics[0]?.fix?.newText).toBe('[4, 64, 64]');
});

describe('inputs are found', () => {
  const shape = [1, 8, 8];
  const x: PortFact = { name: 'arg0', dtype: 'float16', shape: [null, 1, 8, 8] };
  const t: PortFact = { name: 'arg1', dtype: 'float32', shape: [null] };
  const y: PortFact = { name: 'arg2', dtype: 'int64', shape: [null] };

  test('by type and rank when the names say nothing', () => {
    expect(findPorts([y, t, x], shape)).toEqual({ sample: x, timestep: t, class_labels: y, others: [] });
  });

  test('by name when several would fit', () => {
    const extra: PortFact = { name: 'mask', dtype: 'float32', shape: [null, 1, 8, 8] };
    const named = { ...x, name: 'latents' };
    expect(findPorts([extra, named, t], shape)).toEqual({ sample: named, timestep: t, others: [extra] });
  });

  test('by the given name first', () => {
    const other: PortFact = { name: 'other', dtype: 'float32', shape: [null, 1, 8, 8] };
    const named = { ...x, name: 'sample' };
    expect(findPorts([named, other, t], shape, { sample: 'other' }).sample).toBe(other);
  });

  test('a lone label input is not taken for the time', () => {
    expect(findPorts([x, y], shape)).toEqual({ sample: x, class_labels: y, others: [] });
  });
});

describe('facts about the file', () => {
  const parse = () => ({ inputs: [sample], outputs: [output] });
  const failing = (code: string) => () => Promise.reject(Object.assign(new Error(code), { code }));

  test.each([
    ['ENOENT', 'missing', ''],
    ['EISDIR', 'unreadable', 'is a folder'],
    ['EACCES', 'unreadable', 'permission denied'],
    ['EIO', 'unreadable', 'EIO'],
  ])('%s', async (code, kind, words) => {
    const facts = await readModelFacts('/m.onnx', failing(code), parse);
    expect(facts).toMatchObject({ kind, path: '/m.onnx' });
    expect(facts.kind === 'unreadable' ? facts.message : '').toContain(words);
  });

  test('a torn file keeps the sentence of the reader', async () => {
    const torn = () => {
      throw new Error('m.onnx ends in the middle.');
    };
    const facts = await readModelFacts('/m.onnx', () => Promise.resolve(new Uint8Array()), torn);
    expect(facts).toEqual({ kind: 'unreadable', path: '/m.onnx', message: 'm.onnx ends in the middle.' });
  });

  test('a readable one gives its ports', async () => {
    const facts = await readModelFacts('/m.onnx', () => Promise.resolve(new Uint8Array()), parse);
    expect(facts).toEqual({ kind: 'header', path: '/m.onnx', inputs: [sample], outputs: [output] });
  });
});
