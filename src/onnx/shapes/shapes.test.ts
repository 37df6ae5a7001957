import { expect, test } from 'vitest';
import { emptyGraph } from '../../../test/support/onnx-run';
import { DataType } from '../dtype';

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
