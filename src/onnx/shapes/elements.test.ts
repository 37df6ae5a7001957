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
