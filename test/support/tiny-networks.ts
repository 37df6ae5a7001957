import { DataType } from '../../src/onnx/dtype';
import type { OnnxModel } from '../../src/onnx/model';
import { makePort } from '../../src/onnx/value-facts';
import { emptyGraph } from './onnx-run';

/** Two images in, one number out, as LPIPS networks: the mean of (tanh a − tanh b)² of each pair, `[batch, 1, 1, 1]`. */
export function imageDistance(shape: readonly (number | string)[]): OnnxModel {
  const b = emptyGraph();
  b.addInput('image', DataType.FLOAT, ['batch', ...shape]);
  b.addInput('reference', DataType.FLOAT, ['batch', ...shape]);
  const difference = b.sub(b.emit('Tanh', ['image']), b.emit('Tanh', ['reference']));
  const axes = shape.map((_, i) => i + 1);
  b.alias(b.emit('ReduceMean', [b.mul(difference, difference)], { axes, keepdims: 1 }), 'distance');
  b.addOutputPort(makePort('distance', DataType.FLOAT, ['batch', ...shape.map(() => 1)]));
  return b.build('lpips.onnx');
}

/** One image in; `sines` and `features` (of the image's mean over rows) out. */
export function imageFeatures(shape: readonly (number | string)[], batch: number | string = 'batch'): OnnxModel {
  const b = emptyGraph();
  b.addInput('image', DataType.FLOAT, [batch, ...shape]);
  b.alias(b.emit('Sin', ['image']), 'sines');
  b.addOutputPort(makePort('sines', DataType.FLOAT, [batch, ...shape]));
  b.alias(b.emit('Tanh', [b.emit('ReduceMean', ['image'], { axes: [shape.length], keepdims: 0 })]), 'features');
  b.addOutputPort(makePort('features', DataType.FLOAT, [batch, ...shape.slice(0, -1)]));
  return b.build('features.onnx');
}

/** A feature of two numbers (a, b), a·cos b − b·cos a, by an operator that has no gradient rule. */
export function featuresWithoutGradient(): OnnxModel {
  const b = emptyGraph();
  b.addInput('image', DataType.FLOAT, ['batch', 2]);
  const rows = b.emit('Concat', ['image', b.emit('Cos', ['image'])], { axis: 1 });
  b.alias(b.emit('Det', [b.reshape(rows, [-1, 2, 2])]), 'determinants');
  b.addOutputPort(makePort('determinants', DataType.FLOAT, ['batch']));
  return b.build('features.onnx');
}
