import { expect, test } from 'vitest';
import { graphOf, spread } from '../../test/support/onnx-run';
import { DataType } from '../onnx/dtype';
import { serializeModel } from '../onnx/write';
import { openSession } from './session';

test('int8 activations with a zero point load at operator set 21, also where they are turned', async () => {
  const x = spread([2, 3], 1);
  const model = graphOf(
    { x },
    (b) => {
      const scale = b.scalar(0.05, 'x');
      const zero = b.emit('Cast', [b.int(0)], { to: DataType.INT8 });
      const quantised = b.emit('QuantizeLinear', ['x', scale, zero]);
      return b.emit('Sin', [b.transpose(b.emit('DequantizeLinear', [quantised, scale, zero]), [1, 0])]);
    },
    { opset: 21 },
  );
  const session = await openSession(serializeModel(model), 'cpu', 'the model');
  try {
    const { y } = await session.runValues({ x });
    expect(y!.shape).toEqual([3, 2]);
    Array.from(y!.data, Number).forEach((value, i) => {
      expect(Math.abs(value - Math.sin(x.data[(i % 2) * 3 + Math.floor(i / 2)]!))).toBeLessThan(0.026);
    });
  } finally {
    await session.release();
  }
});
