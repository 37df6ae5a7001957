import { expect, test } from 'vitest';
import { float32, graphOf, type Feeds } from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';
import { DataType } from '../dtype';
import { countFlops } from './flops';
import { peakMemory } from './memory';
import { staticGraph } from './static-graph';

const zeros = (...shape: number[]) => float32(shape, []);

/** The cost of a graph with inputs of the given shapes. */
function cost(inputs: Feeds, body: (b: GraphBuilder) => string) {
  const graph = staticGraph(graphOf(inputs, body, { opset: 21 }));
  return { ...countFlops(graph), ...peakMemory(graph) };
}

const weight = (b: GraphBuilder, ...dims: number[]): string =>
  b.floats(dims, Array<number>(dims.reduce((product, size) => product * size, 1)).fill(0), DataType.FLOAT);

test('a convolution sums over channels of its group and the window', () => {
  const { macs, flops, byFamily } = cost({ x: zeros(2, 4, 8, 8) }, (b) =>
    b.emit('Conv', ['x', weight(b, 6, 2, 3, 3)], {
      group: 2,
      strides: [2, 2],
      pads: [1, 1, 1, 1],
      kernel_shape: [3, 3],
    }),
  );
  expect(macs).toBe(2 * 6 * 4 * 4 * (2 * 3 * 3));
  expect(flops).toBe(2 * macs);
  expect(byFamily.convolution).toBe(flops);
});

test('a transposed convolution spreads each input element over the filter', () => {
  const { macs } = cost({ x: zeros(1, 4, 5, 5) }, (b) =>
    b.emit('ConvTranspose', ['x', weight(b, 4, 3, 2, 2)], { strides: [2, 2], kernel_shape: [2, 2] }),
  );
  expect(macs).toBe(4 * 5 * 5 * (3 * 2 * 2));
});

test('matrix products: with weights they are linear, of two activations attention', () => {
  const { byFamily, macs } = cost({ x: zeros(2, 3, 5), other: zeros(2, 5, 7) }, (b) =>
    b.emit('MatMul', [b.emit('MatMul', ['x', 'other']), weight(b, 7, 11)]),
  );
  expect(byFamily).toMatchObject({ attention: 2 * (2 * 3 * 7 * 5), linear: 2 * (2 * 3 * 11 * 7) });
  expect(macs).toBe(2 * 3 * 7 * 5 + 2 * 3 * 11 * 7);
});

test('a transposed Gemm and an Einsum count their inner sizes', () => {
  const gemm = cost({ x: zeros(5, 2) }, (b) => b.emit('Gemm', ['x', weight(b, 3, 5)], { transA: 1, transB: 1 }));
  expect(gemm.macs).toBe(2 * 3 * 5);
  const einsum = cost({ x: zeros(2, 4, 6), other: zeros(2, 4, 5) }, (b) =>
    b.emit('Einsum', ['x', 'other'], { equation: 'ncq,nck->nqk' }),
  );
  expect(einsum.macs).toBe(2 * 6 * 5 * 4);
});

test('elementwise 1, softmax 5, normalisation 7 per element, moving data nothing', () => {
  const { flops, macs, byFamily } = cost({ x: zeros(2, 10) }, (b) => {
    const sum = b.add('x', b.transpose(b.reshape('x', [10, 2]), [1, 0]));
    const scale = weight(b, 10);
    return b.emit('Softmax', [b.emit('LayerNormalization', [sum, scale, scale])]);
  });
  expect(macs).toBe(0);
  expect(flops).toBe(20 * (1 + 7 + 5));
  expect(byFamily).toMatchObject({ other: 20, normalisation: 140, attention: 100 });
});

test('what hangs on weights only is folded when the model loads, and costs nothing', () => {
  const { flops } = cost({ x: zeros(3, 4) }, (b) => b.emit('MatMul', ['x', b.add(weight(b, 4, 4), weight(b, 4, 4))]));
  expect(flops).toBe(2 * 3 * 4 * 4);
});

test('operators that nobody knows are named, not guessed', () => {
  const { uncounted, unknownValues } = cost({ x: zeros(3, 4) }, (b) => b.neg(b.emit('Mystery', ['x'])));
  expect(uncounted).toEqual({ Mystery: 1, Neg: 1 });
  expect(unknownValues).toBe(2);
});

test('memory: a chain holds two values, and elementwise nodes write over what nobody else reads', () => {
  const chain = (b: GraphBuilder) => {
    const grown = b.emit('MatMul', ['x', weight(b, 10, 1000)]);
    return b.emit('MatMul', [b.emit('Sigmoid', [b.neg(grown)]), weight(b, 1000, 1)]);
  };
  // x, the grown value (negated and squashed in place) and the result.
  expect(cost({ x: zeros(1, 10) }, chain).peakBytes).toBe(4 * (10 + 1000 + 1));
});

test('memory: a value that is read again later stays, and a view is no second value', () => {
  const skip = (b: GraphBuilder) => {
    const grown = b.emit('MatMul', ['x', weight(b, 10, 1000)]);
    const view = b.reshape(b.reshape(grown, [1000]), [1, 1000]);
    return b.emit('MatMul', [b.add(b.emit('Sigmoid', [view]), grown), weight(b, 1000, 1)]);
  };
  expect(cost({ x: zeros(1, 10) }, skip).peakBytes).toBe(4 * (10 + 1000 + 1000));
});

test('memory follows the order of execution: a branch that stands early but is needed late is not kept', () => {
  const branches = (b: GraphBuilder) => {
    const sums = [1, 2, 3, 4].map(() => b.emit('MatMul', ['x', weight(b, 10, 1000)]));
    const small = sums.map((sum) => b.emit('MatMul', [sum, weight(b, 1000, 1)]));
    return small.reduce((a, c) => b.add(a, c));
  };
  // One grown value at a time, with up to four results.
  expect(cost({ x: zeros(1, 10) }, branches).peakBytes).toBeLessThanOrEqual(4 * (10 + 1000 + 4));
});
