import { expect, test } from 'vitest';
import type { ModelHeader, PortInfo } from '../header';
import { chooseSizes, evaluate } from './sizes';

const port = (name: string, shape: PortInfo['shape'], dtype = 'float32'): PortInfo => ({ name, dtype, shape });

const header = (...inputs: PortInfo[]): ModelHeader => ({
  irVersion: 8,
  opset: 17,
  producer: '',
  inputs,
  outputs: [],
  parameterCount: 0,
  nodeCount: 0,
  operators: {},
  externalData: [],
});

const unet = header(
  port('sample', ['batch', 4, 'height', 'width']),
  port('timestep', ['batch']),
  port('encoder_hidden_states', ['batch', 'sequence', 16]),
);

test('one sample of 64 by 64 and 77 tokens where the file is silent, and it says so', () => {
  const { inputs, notes } = chooseSizes(unet, new Map());
  expect(Object.fromEntries(inputs)).toEqual({
    sample: [1, 4, 64, 64],
    timestep: [1],
    encoder_hidden_states: [1, 77, 16],
  });
  expect(notes).toEqual([
    'The file leaves sizes open; assumed here: height = 64, width = 64, sequence = 77. Set them with --shape sample=1x4x64x64.',
  ]);
});

test('a given shape sets its symbols everywhere', () => {
  const { inputs, notes } = chooseSizes(
    unet,
    new Map([
      ['sample', [3, 4, 8, 16]],
      ['encoder_hidden_states', [3, 5, 16]],
    ]),
  );
  expect(Object.fromEntries(inputs)).toEqual({
    sample: [3, 4, 8, 16],
    timestep: [3],
    encoder_hidden_states: [3, 5, 16],
  });
  expect(notes).toEqual([]);
});

test('scalars, fixed sizes and nameless dimensions', () => {
  const model = header(port('x', [2, null]), port('t', []), port('mask', null));
  const { inputs, notes } = chooseSizes(model, new Map());
  expect(Object.fromEntries(inputs)).toEqual({ x: [2, 64], t: [] });
  expect(notes).toEqual([
    'The file leaves sizes open; assumed here: dimension 1 of "x" = 64. Set them with --shape x=2x64.',
    'The number of dimensions of "mask" is not in the file; give it with --shape.',
  ]);
});

test.each([
  [
    { image: [1, 4] },
    '--shape names "image", but the inputs of the model are sample, timestep, encoder_hidden_states.',
  ],
  [
    { sample: [1, 4, 8] },
    '--shape sample=1x4x8 has 3 dimensions, but "sample" has 4 dimensions (batch, 4, height, width).',
  ],
  [{ sample: [1, 3, 8, 8] }, '--shape sample=1x3x8x8 has 3 for dimension 1, which is 4.'],
  [{ sample: [2, 4, 8, 8], timestep: [3] }, '--shape timestep=3 has 3 for "batch" (dimension 0), which is 2.'],
] as [Record<string, number[]>, string][])('a shape that does not fit: %j', (shapes, message) => {
  expect(() => chooseSizes(unet, new Map(Object.entries(shapes)))).toThrow(message);
});

test('products of symbols have values, other expressions none', () => {
  const symbols = new Map([
    ['batch', 2],
    ['s0 + 1', 5],
  ]);
  expect(['batch', '3*batch', 's0 + 1', 's1', '2*s1'].map((dim) => evaluate(dim, symbols))).toEqual([
    2,
    6,
    5,
    undefined,
    undefined,
  ]);
});
