import { expect, test } from 'vitest';
import { emptyGraph, float32, runModel, spread } from '../../../test/support/onnx-run';
import { DataType } from '../dtype';
import { floatTensor } from '../tensors';
import { buildVjpGraph } from '../vjp';
import { widenHalves } from './widen';

const { FLOAT16, BFLOAT16 } = DataType;
const halves = [
  ['float16', FLOAT16],
  ['bfloat16', BFLOAT16],
] as const;

test.each(halves)('a %s convolution runs and differentiates in float32', async (_name, type) => {
  const b = emptyGraph();
  b.addInput('x', type, [1, 1, 3, 3]);
  b.addInitialiser(floatTensor('kernel', type, [1, 1, 2, 2], [1, 2, 3, 4]));
  b.alias(b.emit('Conv', ['x', 'kernel']), 'y');
  b.addOutput('y');
  const model = b.build('half.onnx');
  const x = spread([1, 1, 3, 3], 1);
  const { y, x_gradient } = await runModel(buildVjpGraph(model), {
    x,
    y_cotangent: float32([1, 1, 2, 2], [1, 0, 0, 0]),
  });
  const expected = [1, 2, 0, 3, 4, 0, 0, 0, 0];
  expect(x_gradient).toEqual({ dtype: 'float32', shape: [1, 1, 3, 3], data: expected });
  expect(y!.data[0]).toBeCloseTo(
    expected.reduce((sum, weight, i) => sum + weight * x.data[i]!, 0),
    5,
  );
});

test('neither overflows nor vanishes where float16 would', async () => {
  const b = emptyGraph();
  b.addInput('x', FLOAT16, [2]);
  // 300² is above 65504, and a cotangent of 1e-9 is below the smallest float16.
  b.alias(b.emit('Mul', [b.mul('x', 'x'), b.scalar(0.5, 'x')]), 'y');
  b.addOutput('y');
  const results = await runModel(buildVjpGraph(b.build('half.onnx')), {
    x: float32([2], [300, 2]),
    y_cotangent: float32([2], [1e-9, 1e-9]),
  });
  expect(results['y']!.data).toEqual([45_000, 2]);
  expect(results['x_gradient']!.data.map((value) => value * 1e9)).toEqual([
    expect.closeTo(300, 3),
    expect.closeTo(2, 5),
  ]);
});

test('constants, fills, casts and declared types follow', async () => {
  const b = emptyGraph();
  b.addInput('x', DataType.FLOAT, [2]);
  const constant = b.emit('Constant', [], { value: floatTensor('', FLOAT16, [2], [3, 5]) });
  const fill = b.emit('ConstantOfShape', [b.ints([2])], { value: floatTensor('', FLOAT16, [1], [0.5]) });
  const half = b.emit('Cast', ['x'], { to: FLOAT16 });
  b.alias(b.add(b.mul(half, constant), b.emit('CastLike', [fill, half])), 'y');
  b.addOutput('y');
  const model = b.build('mixed.onnx');
  const results = await runModel(buildVjpGraph(model), { x: float32([2], [1, 2]), y_cotangent: float32([2], [1, 1]) });
  expect(results['y']).toEqual({ dtype: 'float32', shape: [2], data: [3.5, 10.5] });
  expect(results['x_gradient']!.data).toEqual([3, 5]);
});

test('a model without halves stays the same object', () => {
  const b = emptyGraph();
  b.addInput('x', DataType.FLOAT, [2]);
  b.alias(b.neg('x'), 'y');
  b.addOutput('y');
  const model = b.build('m.onnx');
  expect(widenHalves(model)).toBe(model);
});
