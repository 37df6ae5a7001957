import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import type { GraphBuilder } from '../../src/onnx/builder';
import { makePort } from '../../src/onnx/value-facts';
import { DataType } from '../../src/onnx/dtype';
import { TensorProtoSchema, TensorProto_DataLocation, type TensorProto } from '../../src/onnx/generated/onnx_pb';
import { serializeModel } from '../../src/onnx/write';
import { emptyGraph } from './onnx-run';

/** A tensor whose bytes lie in another file. */
export function externalTensor(
  name: string,
  dims: readonly number[],
  entries: Readonly<Record<string, string | number>>,
  dataType: DataType = DataType.FLOAT,
): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType,
    dims: dims.map(BigInt),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: Object.entries(entries).map(([key, value]) => ({ key, value: String(value) })),
  });
}

/** A graph `sample` [batch, width] → `out_sample` with the given weights in it; `body` returns the output. */
export function modelWith(
  weights: readonly TensorProto[],
  width: number,
  body: (b: GraphBuilder) => string,
): Uint8Array<ArrayBuffer> {
  const b = emptyGraph();
  b.addInput('sample', DataType.FLOAT, ['batch', width]);
  b.addInput('timestep', DataType.FLOAT, ['batch']);
  for (const tensor of weights) b.addInitialiser(tensor);
  const time = b.reshape('timestep', [-1, 1]);
  b.alias(b.add(body(b), time), 'out_sample');
  b.addOutputPort(makePort('out_sample', DataType.FLOAT, ['batch', width]));
  return serializeModel(b.build('made')) as Uint8Array<ArrayBuffer>;
}

/**
 * Writes a perceptron of `layers` square matrices with `width`² float32 weights each in one file beside it. The file is
 * sparse: it has its full size, is all zeros, and takes no room on disk.
 *
 * @returns path of the model
 */
export function writeLargeModel(folder: string, layers: number, width: number): string {
  const size = 4 * width * width;
  const location = 'large.onnx.data';
  const weights = Array.from({ length: layers }, (_, i) =>
    externalTensor(`w${i}`, [width, width], { location, offset: i * size, length: size }),
  );
  const model = modelWith(weights, width, (b) =>
    weights.reduce((value, weight) => b.emit('Tanh', [b.emit('MatMul', [value, weight.name])]), 'sample'),
  );
  const path = join(folder, 'large.onnx');
  writeFileSync(path, model);
  writeFileSync(join(folder, location), '');
  truncateSync(join(folder, location), layers * size);
  return path;
}
