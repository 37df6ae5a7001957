import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { emptyGraph } from '../../../test/support/onnx-run';
import type { Attributes } from '../attributes';
import { DataType } from '../dtype';
import {
  type AttributeProtoSchema,
  AttributeProto_AttributeType,
  GraphProtoSchema,
  NodeProtoSchema,
} from '../generated/onnx_pb';

/** The shape of `body`, given x [batch, 3, 8, 8]. */
function graph() {
  const b = emptyGraph();
  b.addInput('x', DataType.FLOAT, ['batch', 3, 8, 8]);
  return b;
}

test('a reshape target that the graph computes from the input’s sizes is followed', () => {
  const b = graph();
  const entry = (axis: number) => b.emit('Gather', [b.shape('x'), b.int(axis)]);
  const area = b.mul(entry(2), entry(3));
  const target = [entry(0), entry(1), area].map((value) => b.emit('Unsqueeze', [value, b.ints([0])]));
  expect(b.shapeOf(b.emit('Reshape', ['x', b.emit('Concat', target, { axis: 0 })]))).toEqual(['batch', 3, 64]);
});

test('the open dimension of a reshape may be symbolic', () => {
  const b = graph();
  expect(b.shapeOf(b.reshape('x', [-1, 8]))).toEqual(['24*batch', 8]);
  expect(b.shapeOf(b.reshape(b.reshape('x', [0, 3, -1]), [-1, 3, 8, 8]))).toEqual(['batch', 3, 8, 8]);
});

test('PyTorch’s expand, which compares sizes with -1, is followed', () => {
  const b = graph();
  const wanted = b.emit('Slice', [b.shape('x'), b.ints([0]), b.ints([1]), b.ints([0])]);
  const ones = b.emit('Expand', [b.int(1), b.shape(wanted)]);
  const chosen = b.emit('Where', [b.emit('Equal', [wanted, b.ints([-1])]), b.ints([1]), wanted]);
  expect(b.shapeOf(b.emit('Expand', [b.scalar(0, 'x'), chosen]))).toEqual(['batch']);
  expect(b.shapeOf(ones)).toEqual([1]);
});

test('two branches in one batch keep a size that divides again', () => {
  const b = graph();
  const both = b.emit('Concat', ['x', 'x'], { axis: 0 });
  expect(b.shapeOf(both)).toEqual(['2*batch', 3, 8, 8]);
  expect(b.splitEqually(both, 2, 0).map((half) => b.shapeOf(half))).toEqual([
    ['batch', 3, 8, 8],
    ['batch', 3, 8, 8],
  ]);
});

test('vectors that double again and again are given up', () => {
  const b = graph();
  let vector = b.shape('x');
  for (let i = 0; i < 40; i++) vector = b.emit('Concat', [vector, vector], { axis: 0 });
  expect(b.factsOf(vector).elements).toBeUndefined();
});

test('an operator named like a property of every object is unknown, not called', () => {
  const b = graph();
  expect(b.factsOf(b.emit('constructor', ['x'])).shape).toBeNull();
});

test('the shapes of elements that are moved and picked', () => {
  const b = graph();
  const indices = b.reshape(b.ints([0, 1, 2, 0]), [2, 2]);
  const first = (operator: string, inputs: readonly string[], attributes = {}) =>
    b.shapeOf(b.emitMany(operator, inputs, 2, attributes)[0] ?? '');
  expect(first('Gather', ['x', indices], { axis: 1 })).toEqual(['batch', 2, 2, 8, 8]);
  expect(first('GatherND', ['x', indices])).toEqual([2, 8, 8]);
  expect(
    first(
      'GatherND',
      ['x', b.emit('Expand', [indices, b.emit('Concat', [b.shape('x'), b.ints([2, 2])], { axis: 0 })])],
      { batch_dims: 1 },
    ),
  ).toEqual(['batch', 3, 8, 8, 2, 8]);
  expect(first('TopK', ['x', b.ints([5])], { axis: 2 })).toEqual(['batch', 3, 5, 8]);
  expect(first('Compress', ['x', 'condition'], { axis: -1 })).toEqual(['batch', 3, 8, null]);
  expect(first('Compress', ['x', 'condition'])).toEqual([null]);
  expect(first('Tile', ['x', b.ints([1, 2, 1, 3])])).toEqual(['batch', 6, 8, 24]);
  expect(first('Trilu', ['x'])).toEqual(['batch', 3, 8, 8]);
});

test('a dynamic axis keeps its name through slices with open ends, in int64 and int32', () => {
  const b = graph();
  for (const bits of [63, 31]) {
    const end = 2n ** BigInt(bits) - 1n;
    expect(b.shapeOf(b.emit('Slice', ['x', b.ints([0]), b.ints([end])]))).toEqual(['batch', 3, 8, 8]);
    const flip = [b.ints([-1]), b.ints([-end]), b.ints([0]), b.ints([-1])];
    expect(b.shapeOf(b.emit('Slice', ['x', ...flip]))).toEqual(['batch', 3, 8, 8]);
  }
  expect(b.shapeOf(b.emit('Slice', ['x', b.ints([1]), b.ints([2n ** 31n - 1n])]))).toEqual([null, 3, 8, 8]);
});

test('quantised integers have the type of the zero point, of the attribute, or uint8', () => {
  const b = graph();
  const scale = b.scalar(1, 'x');
  const typed = (attributes = {}) => b.factsOf(b.emit('QuantizeLinear', ['x', scale], attributes)).type;
  expect([typed(), typed({ output_dtype: DataType.INT4 })]).toEqual([DataType.UINT8, DataType.INT4]);
  const point = b.emit('Cast', [b.int(0)], { to: DataType.INT16 });
  const q = b.emit('QuantizeLinear', ['x', scale, point]);
  expect(b.factsOf(q)).toEqual({ type: DataType.INT16, shape: ['batch', 3, 8, 8] });
  expect(b.factsOf(b.emit('DequantizeLinear', [q, scale, point])).type).toBe(DataType.FLOAT);
});

test('the place of an extreme drops or keeps the one axis of its attribute', () => {
  const b = graph();
  const place = (attributes: Attributes) => b.factsOf(b.emit('ArgMax', ['x'], attributes));
  expect(place({ axis: 1 })).toEqual({ type: DataType.INT64, shape: ['batch', 1, 8, 8] });
  expect(place({ axis: -1, keepdims: 0 })).toEqual({ type: DataType.INT64, shape: ['batch', 3, 8] });
  expect(b.shapeOf(b.emit('ArgMin', ['x']))).toEqual([1, 3, 8, 8]);
});

test('constants in all the forms that a node may hold', () => {
  const b = graph();
  const type = AttributeProto_AttributeType;
  const constant = (attribute: MessageInitShape<typeof AttributeProtoSchema>) => {
    const name = b.claim('constant');
    b.addNode(create(NodeProtoSchema, { opType: 'Constant', output: [name], attribute: [attribute] }));
    return b.factsOf(name);
  };
  const [INT64, FLOAT] = [DataType.INT64, DataType.FLOAT];
  expect(constant({ name: 'value_int', type: type.INT, i: 3n })).toEqual({ type: INT64, shape: [], elements: [3] });
  expect(constant({ name: 'value_ints', type: type.INTS, ints: [3n, 4n] })).toMatchObject({ elements: [3, 4] });
  expect(constant({ name: 'value_ints', type: type.INTS })).toEqual({ type: INT64, shape: [0], elements: [] });
  expect(constant({ name: 'value_float', type: type.FLOAT, f: 0.5 })).toMatchObject({ type: FLOAT, shape: [] });
  expect(constant({ name: 'value_floats', type: type.FLOATS, floats: [1, 2] })).toMatchObject({ shape: [2] });
  const sparse = { dims: [2n, 4n], values: { dataType: FLOAT, dims: [1n], floatData: [5] } };
  expect(constant({ name: 'sparse_value', type: type.SPARSE_TENSOR, sparseTensor: sparse })).toEqual({
    type: FLOAT,
    shape: [2, 4],
  });
  b.includeValues(
    create(GraphProtoSchema, { sparseInitializer: [{ ...sparse, values: { ...sparse.values, name: 'w' } }] }),
  );
  expect(b.factsOf('w')).toEqual({ type: FLOAT, shape: [2, 4] });
});

test('an identity matrix has the shape of its input, in its own type', () => {
  const b = graph();
  const size = b.emit('ConstantOfShape', [b.emit('Slice', [b.shape('x'), b.ints([2]), b.ints([4])])]);
  expect(b.factsOf(b.emit('EyeLike', [size]))).toEqual({ type: DataType.FLOAT, shape: [8, 8] });
  expect(b.factsOf(b.emit('EyeLike', [size], { dtype: DataType.INT64 })).type).toBe(DataType.INT64);
});
