import { create } from '@bufbuild/protobuf';
import { GraphBuilder } from './builder';
import { DataType } from './dtype';
import { GraphProtoSchema, ModelProtoSchema } from './generated/onnx_pb';
import { wrapModel, type OnnxModel } from './model';
import { floatTensor } from './tensors';

const channels = 16;

/**
 * A small network of what diffusion models are made of (convolutions, a sigmoid gate, a matrix product with softmax), to
 * see whether a device computes it correctly. Input `x` [1, 16, 32, 32], output `y` of the same shape.
 */
export function probeModel(): OnnxModel {
  const kernels = Array.from({ length: 4 }, (_, layer) => {
    const values = Array.from({ length: channels * channels * 9 }, (_, i) => 0.2 * Math.sin(1.3 * i + layer));
    return floatTensor(`kernel_${layer}`, DataType.FLOAT, [channels, channels, 3, 3], values);
  });
  const graph = create(GraphProtoSchema, { name: 'probe', initializer: kernels });
  const proto = create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ domain: '', version: 17n }], graph });
  const b = new GraphBuilder(wrapModel(proto, 'the probe network'));
  b.include(graph);
  let value = b.addInput('x', DataType.FLOAT, [1, channels, 32, 32]);
  for (const { name } of kernels) {
    const convolved = b.emit('Conv', [value, name], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
    value = b.emit('Mul', [convolved, b.emit('Sigmoid', [convolved])]);
  }
  const attention = b.emit(
    'Softmax',
    [b.emit('MatMul', [value, b.emit('Transpose', [value], { perm: [0, 1, 3, 2] })])],
    {
      axis: -1,
    },
  );
  b.alias(b.emit('MatMul', [attention, value]), 'y');
  b.assumeShapeOf('y', 'x');
  b.addOutput('y');
  return b.build('the probe network');
}
