import { create, type MessageInitShape } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  emptyGraph,
  expectGradient,
  expectVjpMatchesDifferences,
  float32,
  graphOf,
  int64,
  relativeError,
  runModel,
  spread,
  type Feeds,
} from '../../../../test/support/onnx-run';
import { subgraphs } from '../../attributes';
import type { GraphBuilder } from '../../builder';
import { DataType } from '../../dtype';
import { AttributeProto_AttributeType, NodeProtoSchema, type GraphProtoSchema } from '../../generated/onnx_pb';
import type { OnnxModel } from '../../model';
import { upgradeOpset } from './index';

/** The upgraded graph gives the same values as the given one; both run in ONNX Runtime. */
async function expectSameValues(model: OnnxModel, feeds: Feeds): Promise<OnnxModel> {
  const upgraded = upgradeOpset(model);
  expect(upgraded.opset).toBe(21);
  const [before, after] = [await runModel(model, feeds), await runModel(upgraded, feeds)];
  expect(Object.keys(after)).toEqual(Object.keys(before));
  for (const [name, values] of Object.entries(before)) {
    expect(after[name]!.dtype).toBe(values.dtype);
    expect(relativeError(after[name], values)).toBeLessThan(1e-6);
  }
  return upgraded;
}

const expectSame = async (
  opset: number,
  feeds: Feeds,
  body: (b: GraphBuilder) => string,
  options: { dynamic?: boolean } = {},
): Promise<void> => {
  await expectSameValues(graphOf(feeds, body, { ...options, opset }), feeds);
};

const x = spread([2, 4, 6], 1);
const image = spread([1, 4, 6, 6], 2);
const asFloat = (b: GraphBuilder, value: string) => b.emit('Cast', [value], { to: DataType.FLOAT });
const join = (b: GraphBuilder, values: readonly string[]) => b.emit('Concat', values, { axis: 0 });
const flat = (b: GraphBuilder, value: string) => b.emit('Reshape', [value, b.ints([-1])]);

describe('attributes that became inputs', () => {
  test.each([
    ['with axes', { starts: [1, -3], ends: [3, 2 ** 31], axes: [1, 2] }],
    ['of the first axes', { starts: [0, 1], ends: [1, -1] }],
  ])('Slice 9 %s', (_name, attributes) => expectSame(9, { x }, (b) => b.emit('Slice', ['x'], attributes)));

  test('Slice 9 with any bounds', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: -7, max: 5 }), fc.integer({ min: -7, max: 8 })), {
          minLength: 1,
          maxLength: 3,
        }),
        async (bounds) => {
          const attributes = {
            starts: bounds.map(([start]) => start),
            ends: bounds.map(([, end]) => end),
            axes: bounds.map((_, i) => 2 - i),
          };
          await expectSame(9, { x }, (b) => b.emit('Slice', ['x'], attributes), { dynamic: true });
        },
      ),
      { numRuns: 30 },
    ));

  test('Slice 9 to the end, which is the largest int64', () =>
    expectSame(9, { x }, (b) => {
      const ints = (name: string, value: bigint) => ({ name, type: AttributeProto_AttributeType.INTS, ints: [value] });
      b.addNode(
        create(NodeProtoSchema, {
          opType: 'Slice',
          input: ['x'],
          output: ['rest'],
          attribute: [ints('starts', 1n), ints('ends', 2n ** 63n - 1n), ints('axes', 1n)],
        }),
      );
      return 'rest';
    }));

  test('TopK 9', () =>
    expectSame(9, { x }, (b) => {
      const [values = '', indices = ''] = b.emitMany('TopK', ['x'], 2, { k: 3, axis: -1 });
      return join(b, [values, asFloat(b, indices)]);
    }));

  test.each([
    ['both limits', { min: { float: -0.5 }, max: { float: 0.7 } }],
    ['a lower limit', { min: { float: -0.5 } }],
    ['an upper limit', { max: { float: 0.7 } }],
    ['no limit', {}],
  ])('Clip 9 with %s', (_name, attributes) => expectSame(9, { x }, (b) => b.emit('Clip', ['x'], attributes)));

  test('Clip of a value whose type the file does not tell', async () => {
    const feeds = { x: spread([1, 1, 2, 2], 1), places: int64([1, 1, 2, 2], [0, 3, 9, 14]) };
    const limits = { min: { float: -0.25 }, max: { float: 0.75 } };
    const body = (b: GraphBuilder) => {
      const window = { kernel_shape: [2, 2], strides: [2, 2] };
      return b.emit('Clip', [b.emit('MaxUnpool', ['x', 'places'], window)], limits);
    };
    const model = graphOf(feeds, body, { opset: 9 });
    const upgraded = await expectSameValues(model, feeds);
    expect(upgraded.graph.node.map((node) => node.opType)).toEqual([
      'MaxUnpool',
      'CastLike',
      'CastLike',
      'Clip',
      'Identity',
    ]);
  });

  test.each([
    ['with zeros', { pads: [0, 1, 0, 2, 0, 1] }],
    ['with a value', { pads: [0, 1, 0, 2, 0, 1], value: { float: 0.3 } }],
    ['that crops', { pads: [0, -1, 1, 0, -1, 0] }],
    ['by reflection', { pads: [0, 1, 2, 0, 1, 0], mode: 'reflect' }],
    ['by repeating the edge', { pads: [0, 1, 2, 0, 1, 0], mode: 'edge' }],
  ])('Pad 9 %s', (_name, attributes) => expectSame(9, { x }, (b) => b.emit('Pad', ['x'], attributes)));

  test.each([9, 11, 12])('Squeeze and Unsqueeze %i', (opset) =>
    expectSame(opset, { x }, (b) => {
      const wide = b.emit('Unsqueeze', ['x'], { axes: [0, 2] });
      return b.add(b.emit('Squeeze', [wide], { axes: [2] }), b.emit('Squeeze', [wide]));
    }),
  );

  const reductions = ['Mean', 'Sum', 'Max', 'Min', 'Prod', 'L1', 'L2', 'SumSquare', 'LogSum', 'LogSumExp'];
  test.each(reductions)('Reduce%s over any axes', (kind) =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...(kind === 'Sum' ? [9, 11, 12] : [9, 11, 13, 17])),
        fc.option(fc.subarray([0, 1, 2], { minLength: 1 }), { nil: undefined }),
        fc.constantFrom(undefined, 0, 1),
        async (opset, axes, keepdims) => {
          await expectSame(opset, { x: spread([2, 3, 4], 5, 0.1) }, (b) =>
            b.emit(`Reduce${kind}`, ['x'], { axes, keepdims }),
          );
        },
      ),
      { numRuns: 8 },
    ),
  );

  test.each([
    [9, { split: [1, 3], axis: 1 }],
    [11, { split: [1, 3], axis: -2 }],
    [9, { axis: 1 }],
    [13, { axis: 1 }],
    [17, {}],
  ])('Split %i %o', (opset, attributes) =>
    expectSame(opset, { x }, (b) =>
      join(
        b,
        b.emitMany('Split', ['x'], 2, attributes).map((part) => flat(b, part)),
      ),
    ),
  );

  test('Split 13 with sizes is left as it is', async () => {
    const model = graphOf({ x }, (b) => b.emitMany('Split', ['x', b.ints([1, 3])], 2, { axis: 1 })[1]!, { opset: 13 });
    const upgraded = await expectSameValues(model, { x });
    expect(upgraded.graph.node[0]).toBe(model.graph.node[0]);
  });

  test.each([{}, { axis: 2 }, { axis: 1, inverse: 1 }, { onesided: 1 }])('DFT 17 %o', (attributes) =>
    expectSame(17, { x: spread([2, 4, 3, 1], 3) }, (b) => b.emit('DFT', ['x'], attributes)),
  );
});

describe('softmax of a matrix', () => {
  test.each(['Softmax', 'LogSoftmax', 'Hardmax'])('%s along any axis', (operator) =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom(9, 10, 11, 12),
        fc.array(fc.constantFrom(1, 2, 3), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 0, max: 3 }),
        fc.boolean(),
        fc.boolean(),
        async (opset, shape, at, fromTheEnd, dynamic) => {
          const axis = at % shape.length;
          const feeds = { x: spread(shape, 3) };
          const attributes = { axis: fromTheEnd && opset >= 11 ? axis - shape.length : axis };
          await expectSame(opset, feeds, (b) => b.emit(operator, ['x'], attributes), { dynamic });
        },
      ),
      { numRuns: 40 },
    ),
  );

  test('without an axis', () => expectSame(11, { x }, (b) => b.emit('Softmax', ['x'])));

  test('stays one node along the last axis', () => {
    const model = graphOf({ x }, (b) => b.emit('Softmax', ['x'], { axis: 2 }), { opset: 12, dynamic: true });
    expect(upgradeOpset(model).graph.node.map((node) => node.opType)).toEqual(['Softmax', 'Identity']);
  });
});

describe('resampling', () => {
  test.each(['nearest', 'linear'])('Upsample 9, %s', (mode) =>
    fc.assert(
      fc.asyncProperty(fc.tuple(fc.constantFrom(1, 1.5, 2, 2.3, 3), fc.constantFrom(1, 2, 2.7)), async (scales) => {
        await expectSame(9, { image }, (b) =>
          b.emit('Upsample', ['image', b.floats([4], [1, 1, ...scales], DataType.FLOAT)], { mode }),
        );
      }),
      { numRuns: 12 },
    ),
  );

  test.each(['nearest', 'linear'])('Resize 10 up, down and both, %s', (mode) =>
    fc.assert(
      fc.asyncProperty(fc.tuple(fc.constantFrom(0.5, 0.7, 1, 2, 2.3), fc.constantFrom(0.4, 1, 2)), async (scales) => {
        await expectSame(10, { image }, (b) =>
          b.emit('Resize', ['image', b.floats([4], [1, 1, ...scales], DataType.FLOAT)], { mode }),
        );
      }),
      { numRuns: 20 },
    ),
  );

  test('Resize 10 with scales computed in the graph', () =>
    expectSame(10, { image, factor: float32([2], [2, 2]) }, (b) =>
      b.emit('Resize', ['image', b.emit('Concat', [b.floats([2], [1, 1], DataType.FLOAT), 'factor'], { axis: 0 })]),
    ));

  test.each(['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric', 'tf_half_pixel_for_nn'])(
    'Resize 11 to %s sizes and scales',
    async (coordinate_transformation_mode) => {
      for (const mode of ['nearest', 'linear', 'cubic']) {
        if (mode !== 'nearest' && coordinate_transformation_mode === 'tf_half_pixel_for_nn') continue;
        const attributes = { mode, coordinate_transformation_mode };
        const body = (b: GraphBuilder) => {
          const empty = b.floats([0], [], DataType.FLOAT);
          const up = b.emit('Resize', ['image', empty, b.floats([4], [1, 1, 2, 2.5], DataType.FLOAT)], attributes);
          return b.emit('Resize', [up, empty, empty, b.ints([1, 4, 5, 9])], attributes);
        };
        const upgraded = await expectSameValues(graphOf({ image }, body, { opset: 11 }), { image });
        expect(upgraded.graph.node.filter(({ opType }) => opType === 'Resize').map(({ input }) => input[1])).toEqual([
          '',
          '',
        ]);
      }
    },
  );

  test('Resize 11 of a region', () =>
    expectSame(11, { image }, (b) => {
      const roi = b.floats([8], [0, 0, 0.1, 0.2, 1, 1, 0.8, 0.9], DataType.FLOAT);
      const empty = b.floats([0], [], DataType.FLOAT);
      return b.emit('Resize', ['image', roi, empty, b.ints([1, 4, 3, 3])], {
        mode: 'linear',
        coordinate_transformation_mode: 'tf_crop_and_resize',
      });
    }));

  test.each([undefined, 'bilinear', 'bicubic', 'nearest'])('GridSample 16, %s', (mode) => {
    const grid = float32([1, 3, 2, 2], [-0.9, 0.1, 0.3, 0.7, 0.5, -0.5, 1.1, 0.2, -0.3, -0.8, 0.05, 0.6]);
    return expectSame(16, { image, grid }, (b) => b.emit('GridSample', ['image', 'grid'], { mode }));
  });

  test('RoiAlign 10', () =>
    expectSame(10, { image, rois: float32([1, 4], [0.5, 0.6, 4.2, 5]), batch: int64([1], [0]) }, (b) =>
      b.emit('RoiAlign', ['image', 'rois', 'batch'], { output_height: 2, output_width: 3, sampling_ratio: 2 }),
    ));

  test('Scatter 9', () =>
    expectSame(9, { x: spread([3, 3], 1), at: int64([1, 3], [2, 0, 1]), by: float32([1, 3], [7, 8, 9]) }, (b) =>
      b.emit('Scatter', ['x', 'at', 'by'], { axis: 0 }),
    ));

  const pool = { kernel_shape: [3, 3], strides: [2, 2] };
  test.each([
    ['AveragePool', pool],
    ['AveragePool', { ...pool, ceil_mode: 1 }],
    ['AveragePool', { ...pool, pads: [1, 1, 1, 1], count_include_pad: 1, ceil_mode: 1 }],
    ['AveragePool', { ...pool, auto_pad: 'SAME_UPPER' }],
    ['MaxPool', { ...pool, auto_pad: 'SAME_LOWER' }],
    ['MaxPool', { ...pool, pads: [0, 1, 1, 0], ceil_mode: 1 }],
    ['LpPool', { ...pool, pads: [0, 1, 1, 0], p: 3 }],
    ['ConvTranspose', { strides: [2, 2], auto_pad: 'SAME_UPPER' }],
    ['ConvTranspose', { strides: [2, 2], auto_pad: 'SAME_LOWER' }],
    ['ConvTranspose', { strides: [2, 2], output_padding: [1, 0], output_shape: [12, 11] }],
  ])('%s 10 %o means the same since, whatever its text says', (operator, attributes) =>
    expectSame(10, { image, weight: spread([4, 2, 3, 3], 4) }, (b) =>
      b.emit(operator, operator === 'ConvTranspose' ? ['image', 'weight'] : ['image'], attributes),
    ),
  );
});

describe('normalisations', () => {
  const statistics = { s: spread([4], 5), b: spread([4], 6), m: spread([4], 7), v: spread([4], 8, 0.3) };

  test.each([9, 13, 14])('BatchNormalization %i', (opset) =>
    expectSame(opset, { image, ...statistics }, (b) =>
      b.emit('BatchNormalization', ['image', 's', 'b', 'm', 'v'], { epsilon: { float: 0.01 } }),
    ),
  );

  test('BatchNormalization in training mode is refused', () => {
    const model = graphOf(
      { image, ...statistics },
      (b) => b.emitMany('BatchNormalization', ['image', 's', 'b', 'm', 'v'], 5)[0]!,
      { opset: 9 },
    );
    expect(() => upgradeOpset(model)).toThrow(/BatchNormalization node .* only if the model is exported in evaluation/);
  });

  test.each([false, true])('GroupNormalization 18, dynamic: %s', (dynamic) =>
    expectSame(
      18,
      { image, s: float32([2], [0.7, 1.3]), b: float32([2], [0.1, -0.2]) },
      (b) => b.emit('GroupNormalization', ['image', 's', 'b'], { num_groups: 2, epsilon: { float: 0.01 } }),
      { dynamic },
    ),
  );

  test.each([0, 3])('GroupNormalization of %i groups of four channels is refused', (num_groups) => {
    const model = graphOf(
      { image, s: float32([1], [1]) },
      (b) => b.emit('GroupNormalization', ['image', 's', 's'], { num_groups }),
      { opset: 18 },
    );
    expect(() => upgradeOpset(model)).toThrow(`only if num_groups (${num_groups}) divides its 4 channels`);
  });

  test.each([9, 10, 11])('Dropout %i and its mask', (opset) =>
    expectSame(opset, { x }, (b) => {
      const [y = '', mask = ''] = b.emitMany('Dropout', ['x'], 2, { ratio: { float: 0.3 } });
      return b.add(y, b.mul(b.scalar(0, 'x'), asFloat(b, mask)));
    }),
  );
});

describe('gradients of what is written anew', () => {
  const groups = { image, s: float32([2], [0.7, 1.3]), b: float32([2], [0.1, -0.2]) };
  const cases: [string, number, Feeds, (b: GraphBuilder) => string][] = [
    ['Softmax', 11, { x }, (b) => b.emit('Softmax', ['x'], { axis: 1 })],
    ['LogSoftmax', 9, { x }, (b) => b.emit('LogSoftmax', ['x'])],
    ['GroupNormalization', 18, groups, (b) => b.emit('GroupNormalization', ['image', 's', 'b'], { num_groups: 2 })],
    [
      'Upsample',
      9,
      { image },
      (b) => b.emit('Upsample', ['image', b.floats([4], [1, 1, 2, 3], DataType.FLOAT)], { mode: 'linear' }),
    ],
    [
      'Resize',
      10,
      { image },
      (b) => b.emit('Resize', ['image', b.floats([4], [1, 1, 2, 0.5], DataType.FLOAT)], { mode: 'nearest' }),
    ],
    ['Pad', 9, { x }, (b) => b.emit('Pad', ['x'], { pads: [0, 1, 2, 0, 1, 0], mode: 'reflect' })],
  ];
  test.each(cases)('%s %i', async (_name, opset, feeds, body) => {
    await expectGradient(feeds, body, { opset });
  });
});

describe('branches and bodies', () => {
  const tensor = (name: string, elemType: DataType) => ({
    name,
    type: { value: { case: 'tensorType' as const, value: { elemType } } },
  });
  const scalar = (name: string, elemType: DataType) => ({
    name,
    type: { value: { case: 'tensorType' as const, value: { elemType, shape: {} } } },
  });
  const body = (name: string, graph: MessageInitShape<typeof GraphProtoSchema>) => ({
    name,
    type: AttributeProto_AttributeType.GRAPH,
    g: { name, ...graph },
  });
  const axes = (name: string, ...values: number[]) => ({
    name,
    type: AttributeProto_AttributeType.INTS,
    ints: values.map(BigInt),
  });
  const int = (name: string, value: number) => ({ name, type: AttributeProto_AttributeType.INT, i: BigInt(value) });
  const output = [tensor('r', DataType.FLOAT)];

  /** softmax over two axes of a captured value, written with old nodes; r is the result */
  const branch = (inner: MessageInitShape<typeof NodeProtoSchema>[] = []) => ({
    node: [
      { opType: 'Softmax', name: 's', input: ['x'], output: ['p'], attribute: [int('axis', 1)] },
      { opType: 'Unsqueeze', name: 'u', input: ['p'], output: ['q'], attribute: [axes('axes', 0)] },
      ...inner,
      {
        opType: 'Squeeze',
        name: 'v',
        input: [inner.length > 0 ? 'chosen' : 'q'],
        output: ['r'],
        attribute: [axes('axes', 0)],
      },
    ],
    output,
  });
  const unchanged = { node: [{ opType: 'Neg', input: ['x'], output: ['r'] }], output };
  const choose = (name: string, then: object, otherwise: object) =>
    create(NodeProtoSchema, {
      opType: 'If',
      name,
      input: ['flag'],
      output: [name],
      attribute: [body('then_branch', then), body('else_branch', otherwise)],
    });

  test.each([0, 1])('of an If that stays, with its values captured (%i)', async (flag) => {
    const feeds = { x, flag: { dtype: 'bool', shape: [], data: [flag] } };
    const model = graphOf(
      feeds,
      (b) => {
        const before = b.emit('Softmax', ['x'], { axis: 1 });
        b.addNode(choose('y1', branch(), unchanged));
        return b.add(b.emit('Softmax', ['y1'], { axis: 1 }), before);
      },
      { opset: 11 },
    );
    const upgraded = await expectSameValues(model, feeds);
    const branches = (from: OnnxModel) => subgraphs(from.graph.node.find((node) => node.opType === 'If')!);
    expect(branches(upgraded)[0]!.node.map((node) => node.opType)).toEqual([
      'Flatten',
      'Shape',
      'Softmax',
      'Reshape',
      'Unsqueeze',
      'Squeeze',
    ]);
    expect(branches(upgraded)[1]).toBe(branches(model)[1]);
  });

  test('of an If that is folded afterwards: names still differ', () =>
    expectVjpMatchesDifferences(
      graphOf(
        { x },
        (b) => {
          const before = b.emit('Softmax', ['x'], { axis: 1 });
          b.alias(b.emit('Equal', [b.int(1), b.int(1)]), 'flag');
          b.addNode(choose('y1', branch(), unchanged));
          b.addNode(choose('y2', branch(), unchanged));
          return b.add(b.mul('y1', b.emit('Softmax', ['y2'], { axis: 1 })), before);
        },
        { opset: 11 },
      ),
      { x },
    ));

  test('of an If in an If', async () => {
    const feeds = { x, flag: { dtype: 'bool', shape: [], data: [1] } };
    const inner = {
      node: [{ opType: 'Softmax', name: 'i', input: ['q'], output: ['deep'], attribute: [int('axis', 2)] }],
      output: [tensor('deep', DataType.FLOAT)],
    };
    const model = graphOf(
      feeds,
      (b) => {
        b.addNode(choose('y1', branch([choose('chosen', inner, inner)]), unchanged));
        return 'y1';
      },
      { opset: 11 },
    );
    await expectSameValues(model, feeds);
  });

  test('of a Loop', async () => {
    const feeds = { x, n: int64([], [3]) };
    const model = graphOf(
      feeds,
      (b) => {
        b.addNode(
          create(NodeProtoSchema, {
            opType: 'Loop',
            name: 'loop',
            input: ['n', '', 'x'],
            output: ['last'],
            attribute: [
              body('body', {
                input: [scalar('i', DataType.INT64), scalar('go', DataType.BOOL), tensor('state', DataType.FLOAT)],
                node: [
                  { opType: 'Softmax', input: ['state'], output: ['p'], attribute: [int('axis', 1)] },
                  { opType: 'Add', input: ['p', 'x'], output: ['next'] },
                  { opType: 'Identity', input: ['go'], output: ['on'] },
                ],
                output: [scalar('on', DataType.BOOL), tensor('next', DataType.FLOAT)],
              }),
            ],
          }),
        );
        return 'last';
      },
      { opset: 11 },
    );
    await expectSameValues(model, feeds);
  });
});

describe('what is shared', () => {
  test('nodes and weights that need nothing', () => {
    const weight = spread([6, 5], 3);
    const model = graphOf(
      { x },
      (b) => b.emit('Squeeze', [b.emit('MatMul', ['x', b.floats([6, 5], weight.data, DataType.FLOAT)])]),
      { opset: 11 },
    );
    const upgraded = upgradeOpset(model);
    expect(upgraded.graph.initializer).toEqual(model.graph.initializer);
    expect(upgraded.graph.initializer[0]).toBe(model.graph.initializer[0]);
    upgraded.graph.node.forEach((node, i) => expect(node).toBe(model.graph.node[i]));
    expect(upgraded.proto.irVersion).toBe(10n);
  });

  test('the files that weights lie in', () => {
    const weights = { folder: '/models', files: ['/models/weights.bin'] };
    const model = { ...graphOf({ x }, (b) => b.emit('Softmax', ['x'], { axis: 1 }), { opset: 11 }), weights };
    expect(upgradeOpset(model).weights).toBe(weights);
  });

  test('all of a model of operator set 21', () => {
    const model = graphOf({ x }, (b) => b.neg('x'), { opset: 21 });
    expect(upgradeOpset(model)).toBe(model);
  });
});

test('initialisers that old files list among the inputs are inputs no longer', async () => {
  const b = emptyGraph(9);
  b.addInput('x', DataType.FLOAT, [2, 4, 6]);
  const weight = b.floats([6], [1, 2, 3, 4, 5, 6], DataType.FLOAT);
  b.addInput(weight, DataType.FLOAT, [6]);
  b.alias(b.mul('x', weight), 'y');
  b.addOutput('y');
  const upgraded = upgradeOpset(b.build('old.onnx'));
  expect(upgraded.graph.input.map(({ name }) => name)).toEqual(['x']);
  const { y } = await runModel(upgraded, { x });
  expect(y!.data[5]).toBeCloseTo(6 * x.data[5]!, 5);
});

test('below operator set 9 the message says how to export again', () => {
  const model = graphOf({ x }, (b) => b.neg('x'), { opset: 8 });
  expect(() => upgradeOpset(model)).toThrow(
    'test.onnx uses ONNX operator set 8; gradients need 9 or later, so export the model with opset_version=17.',
  );
});

test('5,000 nodes take well under a second', () => {
  const model = graphOf(
    { x },
    (b) => {
      let value = 'x';
      for (let i = 0; i < 2500; i++)
        value = b.emit('Squeeze', [b.emit('Unsqueeze', [value], { axes: [0] })], { axes: [0] });
      return value;
    },
    { opset: 11 },
  );
  const times = [1, 2, 3].map(() => {
    const start = performance.now();
    upgradeOpset(model);
    return performance.now() - start;
  });
  expect(Math.min(...times)).toBeLessThan(1000);
});
