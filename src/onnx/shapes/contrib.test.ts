import { expect, test } from 'vitest';
import { emitContrib, expanded } from '../../../test/support/contrib-run';
import { graphOf, int64, runModel, spread, type Feeds } from '../../../test/support/onnx-run';
import type { Attributes } from '../attributes';
import type { GraphBuilder } from '../builder';
import type { Shape } from '../dims';

interface Case {
  readonly operator: string;
  readonly shapes: readonly (readonly number[] | undefined)[];
  readonly attributes?: Attributes;
  /** outputs to look at; the first by default */
  readonly outputs?: readonly number[];
}

const heads = { num_heads: 2 };
const image = [2, 3, 3, 4];
const cases: readonly Case[] = [
  { operator: 'Gelu', shapes: [[2, 3]] },
  { operator: 'BiasSplitGelu', shapes: [[2, 3, 8], [8]] },
  { operator: 'BiasAdd', shapes: [[2, 3, 4], [4], [2, 3, 4]] },
  { operator: 'SkipLayerNormalization', shapes: [[2, 3, 4], [3, 4], [4]], outputs: [0, 3] },
  { operator: 'SkipSimplifiedLayerNormalization', shapes: [[2, 3, 4], [3, 4], [4]], outputs: [0, 3] },
  { operator: 'GroupNorm', shapes: [image, [4], [4]], attributes: { groups: 2 } },
  { operator: 'SkipGroupNorm', shapes: [image, [4], [4], [2, 4]], attributes: { groups: 2 }, outputs: [0, 1] },
  {
    operator: 'FusedMatMul',
    shapes: [
      [4, 2, 5],
      [2, 3, 5],
    ],
    attributes: { transB: 1, transBatchA: 1 },
  },
  {
    operator: 'TransposeMatMul',
    shapes: [
      [5, 4],
      [5, 3],
    ],
    attributes: { transA: 1 },
  },
  {
    operator: 'FusedGemm',
    shapes: [
      [5, 4],
      [3, 5],
    ],
    attributes: { transA: 1, transB: 1, activation: 'Tanh' },
  },
  {
    operator: 'FusedConv',
    shapes: [
      [1, 2, 5, 5],
      [3, 2, 3, 3],
    ],
    attributes: { kernel_shape: [3, 3], strides: [2, 2], activation: 'Tanh' },
  },
  {
    operator: 'NhwcConv',
    shapes: [
      [1, 5, 4, 2],
      [3, 3, 3, 2],
    ],
    attributes: { kernel_shape: [3, 3], pads: [1, 0, 1, 0] },
  },
  {
    operator: 'NhwcFusedConv',
    shapes: [
      [1, 5, 4, 2],
      [3, 2, 3, 3],
    ],
    attributes: { kernel_shape: [3, 3] },
  },
  { operator: 'Attention', shapes: [[2, 3, 4], [4, 12], [12]], attributes: heads, outputs: [0, 1] },
  {
    operator: 'Attention',
    shapes: [
      [2, 3, 4],
      [4, 10],
    ],
    attributes: { ...heads, qkv_hidden_sizes: [4, 4, 2] },
  },
  {
    operator: 'MultiHeadAttention',
    shapes: [
      [2, 3, 4],
      [2, 5, 4],
      [2, 5, 6],
    ],
    attributes: heads,
    outputs: [0, 1, 2],
  },
  {
    operator: 'MultiHeadAttention',
    shapes: [
      [2, 3, 4],
      [2, 2, 5, 2],
      [2, 2, 5, 3],
    ],
    attributes: heads,
  },
  { operator: 'MultiHeadAttention', shapes: [[2, 3, 2, 3, 5]], attributes: heads, outputs: [0, 1] },
  {
    operator: 'MultiHeadAttention',
    shapes: [
      [2, 3, 4],
      [2, 5, 2, 2, 2],
    ],
    attributes: heads,
    outputs: [0, 1, 2],
  },
  {
    operator: 'MultiHeadAttention',
    shapes: [[2, 3, 4], [2, 5, 4], [2, 5, 4], undefined, undefined, undefined, [2, 2, 1, 2], [2, 2, 1, 2]],
    attributes: heads,
    outputs: [0, 1, 2],
  },
];

/** A graph of one such node, the shape that is inferred for an output, and the one that a run gives. */
async function shapesOf({ operator, shapes, attributes = {} }: Case, output: number, symbolic: boolean) {
  const feeds: Feeds = Object.fromEntries(
    shapes.flatMap((shape, i) => (shape ? [[`x${i}`, spread(shape, i)] as const] : [])),
  );
  const names = shapes.map((shape, i) => (shape ? `x${i}` : undefined));
  let inferred: Shape | null = null;
  const body = (b: GraphBuilder) => {
    const results = emitContrib(b, operator, names, attributes, {
      count: output + 1,
      skipped: output === 3 ? [1, 2] : [],
    });
    inferred = b.shapeOf(results[output]!);
    return results[output]!;
  };
  const model = graphOf(feeds, body, { opset: 21, dynamic: symbolic });
  return { inferred: inferred as Shape | null, actual: (await runModel(expanded(model), feeds))['y']!.shape };
}

const outputsOf = cases.flatMap((each) => (each.outputs ?? [0]).map((output) => ({ ...each, output })));

test.each(outputsOf)(
  'com.microsoft.$operator of $shapes has the shape that is inferred (output $output)',
  async (each) => {
    const { inferred, actual } = await shapesOf(each, each.output, false);
    expect(inferred).toEqual(actual);
    const unknown = await shapesOf(each, each.output, true);
    expect(unknown.inferred?.length).toBe(actual.length);
  },
);

test('com.microsoft.MatMulNBits has one output for each row of its weight', () => {
  graphOf({ x: spread([2, 16], 1) }, (b) => {
    const [y = ''] = emitContrib(b, 'MatMulNBits', ['x', 'x', 'x'], { N: 5, K: 16, block_size: 16 });
    expect(b.shapeOf(y)).toEqual([2, 5]);
    return y;
  });
});

test('com.microsoft.RotaryEmbedding and the quantisation operators keep the shape', () => {
  graphOf({ x: spread([2, 3, 4], 1), ids: int64([1], [0]) }, (b) => {
    const [turned = ''] = emitContrib(b, 'RotaryEmbedding', ['x', 'ids', 'x', 'x']);
    const [q = ''] = emitContrib(b, 'QuantizeLinear', [turned, b.scalar(1, 'x')]);
    expect(b.factsOf(q)).toMatchObject({ type: 2, shape: [2, 3, 4] });
    const [y = ''] = emitContrib(b, 'DequantizeLinear', [q, b.scalar(1, 'x')]);
    expect(b.factsOf(y)).toMatchObject({ type: 1, shape: [2, 3, 4] });
    return y;
  });
});

test.each([
  [[2, 4, 3, 5], [2, 2, 6, 5], [2, 2, 6, 7], {}, [2, 4, 3, 7], [2, 2, 6, 5], [2, 2, 6, 7], [2, 4, 3, 6]],
  [
    [2, 3, 20],
    [2, 6, 10],
    [2, 6, 14],
    { q_num_heads: 4, kv_num_heads: 2 },
    [2, 3, 28],
    [2, 2, 6, 5],
    [2, 2, 6, 7],
    [2, 4, 3, 6],
  ],
])('Attention of %j, %j, %j has the shapes that are inferred', async (q, k, v, attributes, ...expected) => {
  const feeds = { q: spread(q, 1), k: spread(k, 2), v: spread(v, 3) };
  for (const [i, shape] of expected.entries()) {
    const body = (b: GraphBuilder) => {
      const results = b.emitMany('Attention', ['q', 'k', 'v'], 4, attributes);
      expect(b.shapeOf(results[i]!)).toEqual(shape);
      return results[i]!;
    };
    expect((await runModel(graphOf(feeds, body, { opset: 23 }), feeds))['y']!.shape).toEqual(shape);
  }
});
