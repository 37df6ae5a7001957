import { expect, test } from 'vitest';
import { expectVjpMatchesDifferences, graphOf, relativeError, runModel, spread } from '../../test/support/onnx-run';
import type { GraphBuilder } from './builder';
import { fuseChannelAffine } from './channel-affine';
import { DataType } from './dtype';

const x = spread([2, 3, 2, 4], 1);
const vector = (b: GraphBuilder, dims: number[], seed: number): string =>
  b.floats(dims, spread([3], seed).data, DataType.FLOAT);
const operators = (model: ReturnType<typeof graphOf>): string[] => model.graph.node.map(({ opType }) => opType);

test.each([
  ['[C, 1, 1]', [3, 1, 1]],
  ['[1, C, 1, 1]', [1, 3, 1, 1]],
])('scale and bias of shape %s become one pass with the same values', async (_name, dims) => {
  const model = graphOf({ x }, (b) => b.add(vector(b, dims, 3), b.mul('x', vector(b, dims, 2))));
  const fused = fuseChannelAffine(model);
  expect(operators(fused)).toContain('BatchNormalization');
  const [{ y: expected }, { y: actual }] = [await runModel(model, { x }), await runModel(fused, { x })];
  expect(relativeError(actual, expected!)).toBeLessThan(1e-6);
  await expectVjpMatchesDifferences(model, { x });
});

test('weights that are brought into shape in the graph count as constants', () => {
  const model = graphOf({ x }, (b) => {
    const weight = (seed: number) => b.emit('Unsqueeze', [vector(b, [3], seed), b.ints([1, 2])]);
    return b.add(b.mul('x', weight(2)), weight(3));
  });
  expect(operators(fuseChannelAffine(model))).toContain('BatchNormalization');
});

test.each<[string, (b: GraphBuilder) => string]>([
  ['a scale that is computed', (b) => b.add(b.mul('x', b.emit('Tanh', ['x'])), vector(b, [3, 1, 1], 3))],
  ['one value for each column', (b) => b.add(b.mul('x', b.floats([4], [1, 2, 3, 4], 1)), vector(b, [3, 1, 1], 3))],
  [
    'a product that is read elsewhere',
    (b) => {
      const product = b.mul('x', vector(b, [3, 1, 1], 2));
      return b.mul(b.add(product, vector(b, [3, 1, 1], 3)), product);
    },
  ],
])('%s stays as it is', (_name, body) => {
  const model = graphOf({ x }, body);
  expect(fuseChannelAffine(model)).toBe(model);
});
