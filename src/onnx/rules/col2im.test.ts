import { expect, test } from 'vitest';
import { expectGradient, graphOf, int64, spread } from '../../../test/support/onnx-run';
import { buildVjpGraph } from '../vjp';

const opset = 21;

test.each([false, true])('Col2Im matches differences (dynamic batch: %s)', async (dynamic) => {
  // 2·2 windows of 2×3, two apart: 4 + 1 rows and 5 + 1 columns with their padding.
  const attributes = { strides: [2, 2], pads: [1, 0, 0, 1] };
  const x = spread([2, 3 * 2 * 3, 2 * 2], 1);
  await expectGradient(
    { x },
    (b) => b.emit('Sin', [b.emit('Col2Im', ['x', b.ints([4, 5]), b.ints([2, 3])], attributes)]),
    {
      opset,
      dynamic,
    },
  );
});

test('dilated windows match differences', async () => {
  const x = spread([1, 2 * 3, 3], 2);
  await expectGradient(
    { x },
    (b) => b.emit('Sin', [b.emit('Col2Im', ['x', b.ints([1, 7]), b.ints([1, 3])], { dilations: [1, 2] })]),
    { opset },
  );
});

test('a block that the graph is given is refused by name', () => {
  const model = graphOf(
    { x: spread([1, 12, 12], 3), block: int64([2], [2, 2]) },
    (b) => b.emit('Col2Im', ['x', b.ints([4, 5]), 'block']),
    { opset },
  );
  expect(() => buildVjpGraph(model)).toThrow('has a gradient here only if its block_shape is a constant');
});
