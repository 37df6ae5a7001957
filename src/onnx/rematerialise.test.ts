import { expect, test } from 'vitest';
import { expectVjpMatchesDifferences, graphOf, spread } from '../../test/support/onnx-run';
import type { GraphBuilder } from './builder';
import { DataType } from './dtype';
import { executionOrder } from './inspect/execution-order';
import { buildVjpGraph } from './vjp';

/** Values of the forward pass that are read again once the backward pass has begun, in ONNX Runtime's order. */
function kept(model: ReturnType<typeof graphOf>): string[] {
  const nodes = buildVjpGraph(model).graph.node.map((node) => ({ node }));
  const order = executionOrder(nodes).map(({ node }) => node);
  const begin = order.findIndex(({ name, input }) => name.includes('_again') || input.includes('y_cotangent'));
  // Weights are brought into shape in the graph too; only what depends on an input takes memory while it runs.
  const alive = new Set(model.graph.input.map(({ name }) => name));
  const made = new Set<string>();
  for (const node of order.slice(0, begin)) {
    if (node.opType === 'Shape' || !node.input.some((name) => alive.has(name))) continue;
    for (const name of node.output) {
      alive.add(name);
      made.add(name);
    }
  }
  return [...new Set(order.slice(begin).flatMap((node) => node.input))].filter((name) => made.has(name)).sort();
}

const channels = 4;
function convolve(b: GraphBuilder, x: string, seed: number): string {
  const weight = b.floats([channels, channels, 3, 3], spread([channels * channels * 9], seed).data, DataType.FLOAT);
  return b.emit('Conv', [x, weight], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
}

/** Group norm and SiLU as the tracing exporter writes them. */
function normAndSilu(b: GraphBuilder, x: string): string {
  const grouped = b.reshape(x, [0, 2, -1]);
  const ones = b.floats([2], [1, 1], DataType.FLOAT);
  const zeros = b.floats([2], [0, 0], DataType.FLOAT);
  const normalised = b.emit('InstanceNormalization', [grouped, ones, zeros], { epsilon: { float: 1e-5 } });
  const back = b.emit('Reshape', [normalised, b.shape(x)]);
  const scale = b.floats([channels, 1, 1], [0.5, 1, -1, 2], DataType.FLOAT);
  const scaled = b.add(b.mul(back, scale), b.floats([channels, 1, 1], [0.1, 0.2, 0.3, 0.4], DataType.FLOAT));
  return b.mul(scaled, b.emit('Sigmoid', [scaled]));
}

/** Large enough to be worth recomputing, small enough in value not to saturate the sigmoids. */
const pixels = spread([2, channels, 32, 32], 3);
const x = { ...pixels, data: pixels.data.map((value) => value / 200) };

test('of convolution, norm and SiLU only the normalised value is kept', async () => {
  const model = graphOf({ x }, (b) => {
    let value = 'x';
    for (const seed of [1, 2, 3]) {
      value = normAndSilu(b, convolve(b, value, seed));
    }
    return value;
  });
  // The statistics of the norms are kept too, and they are small.
  const images = kept(model).filter((name) => !name.includes('Shape') && !/Normalization_\d+_[12]$/.test(name));
  expect(images).toHaveLength(3);
  for (const name of images) expect(name).toContain('LayerNormalization');
  await expectVjpMatchesDifferences(model, { x });
});

test('attention keeps queries, keys and values, and not the larger probabilities', async () => {
  const queries = spread([2, 128, 4], 5);
  let scores = '';
  const model = graphOf({ queries }, (b) => {
    const [q, k, v] = [0.5, 0.3, 0.7].map((factor) => b.scale(b.emit('Tanh', ['queries']), factor));
    scores = b.emit('MatMul', [q!, b.transpose(k!, [0, 2, 1])]);
    return b.emit('MatMul', [b.emit('Softmax', [scores], { axis: -1 }), v!]);
  });
  expect(kept(model)).not.toContain(scores);
  expect(kept(model).filter((name) => name.includes('Softmax'))).toEqual([]);
  await expectVjpMatchesDifferences(model, { queries });
});

test('a concatenation with a part that is kept anyway is put together again', async () => {
  const model = graphOf({ x }, (b) => {
    const skip = convolve(b, 'x', 1);
    const main = convolve(b, b.mul(skip, b.emit('Sigmoid', [skip])), 2);
    const joined = b.emit('Concat', [main, skip], { axis: 1 });
    return b.mul(joined, b.emit('Sigmoid', [joined]));
  });
  expect(kept(model).filter((name) => name.includes('Concat'))).toEqual([]);
  await expectVjpMatchesDifferences(model, { x });
});

test('a single value is kept as it is, because its root takes as much', () => {
  const model = graphOf({ x }, (b) => {
    const rectified = b.emit('Tanh', [convolve(b, 'x', 1)]);
    return convolve(b, rectified, 2);
  });
  expect(kept(model)).toEqual([expect.stringContaining('Tanh')]);
});
