import { expect, test } from 'vitest';
import { emptyGraph } from '../../../test/support/onnx-run';
import { DataType } from '../dtype';

test('transposes of constants are followed element by element', () => {
  const b = emptyGraph();
  const moved = b.transpose(b.reshape(b.ints([1, 2, 3, 4, 5, 6]), [2, 3]), [1, 0]);
  expect(b.factsOf(moved)).toMatchObject({ shape: [3, 2], elements: [1, 4, 2, 5, 3, 6] });
});

test('slices of constants too, along any axis and backwards', () => {
  const b = emptyGraph();
  const table = b.reshape(b.ints([1, 2, 3, 4, 5, 6]), [2, 3]);
  const slice = b.emit('Slice', [table, b.ints([-1, 1]), b.ints([-9, 3]), b.ints([0, 1]), b.ints([-1, 1])]);
  expect(b.factsOf(slice)).toMatchObject({ shape: [2, 2], elements: [5, 6, 2, 3] });
});

test('the paddings that PyTorch turns round in the graph give the shape of a Pad', () => {
  const b = emptyGraph();
  const x = b.addInput('x', DataType.FLOAT, [1, 3, 8, 8]);
  const given = b.emit('Concat', [b.ints([0, 1, 2, 3]), b.emit('ConstantOfShape', [b.ints([4])])], { axis: 0 });
  const zeros = b.emit('Cast', [given], { to: DataType.INT64 });
  const flipped = b.emit('Slice', [b.reshape(zeros, [-1, 2]), b.ints([-1]), b.ints([-9]), b.ints([0]), b.ints([-1])]);
  const pads = b.reshape(b.transpose(flipped, [1, 0]), [-1]);
  expect(b.shapeOf(b.emit('Pad', [x, pads]))).toEqual([1, 3, 8 + 2 + 3, 8 + 0 + 1]);
});

test('the larger and the smaller of integers, and of sizes where their bounds leave no choice', () => {
  const b = emptyGraph();
  const shape = b.shape(b.addInput('x', DataType.FLOAT, ['batch', 6]));
  const elements = (operator: string, ...inputs: string[]) => b.factsOf(b.emit(operator, inputs)).elements;
  expect(elements('Max', b.ints([1, 9]), b.ints([4]), b.ints([2, 3]))).toEqual([4, 9]);
  expect(elements('Min', b.ints([1, 9]), b.ints([4]))).toEqual([1, 4]);
  expect(elements('Max', shape, b.ints([0]))).toEqual(['batch', 6]);
  expect(elements('Max', shape, b.ints([1]))).toEqual([null, 6]);
  expect(elements('Min', shape, b.ints([0]))).toEqual([0, 0]);
  expect(elements('Min', shape, b.ints([4]))).toEqual([null, 4]);
  expect(elements('Max', shape, shape)).toEqual(['batch', 6]);
});

test('the repetitions that PyTorch puts in the place of one axis give the shape of a Tile', () => {
  const b = emptyGraph();
  const x = b.addInput('x', DataType.FLOAT, ['batch', 1, 8]);
  const repeats = b.emit('OneHot', [b.ints([-2]), b.int(3), b.ints([1, 5])]);
  expect(b.factsOf(repeats)).toEqual({ type: DataType.INT64, shape: [1, 3], elements: [1, 5, 1] });
  expect(b.shapeOf(b.emit('Tile', [x, b.reshape(repeats, [-1])]))).toEqual(['batch', 5, 8]);
  const labels = b.addInput('labels', DataType.INT64, ['batch']);
  expect(b.factsOf(b.emit('OneHot', [labels, b.int(3), b.ints([0, 1])]))).toEqual({
    type: DataType.INT64,
    shape: ['batch', 3],
  });
});

test('the length of a range, of numbers and up to a size', () => {
  const b = emptyGraph();
  const size = b.emit('Gather', [b.shape(b.addInput('x', DataType.FLOAT, ['batch', 6])), b.int(0)]);
  const length = (start: string, limit: string, delta: string) => b.shapeOf(b.emit('Range', [start, limit, delta]));
  expect(length(b.int(0), b.int(7), b.int(2))).toEqual([4]);
  expect(length(b.int(5), b.int(-1), b.int(-2))).toEqual([3]);
  expect(length(b.int(5), b.int(1), b.int(1))).toEqual([0]);
  expect(length(b.int(0), size, b.int(1))).toEqual(['batch']);
  expect(length(b.int(1), size, b.int(1))).toEqual([null]);
});
