import { create } from '@bufbuild/protobuf';
import { NodeProtoSchema } from '../generated/onnx_pb';
import type { Site } from './rule';

/**
 * The adjoint of an operator that only picks elements of its first input, whatever its attributes: run on 0, 1, 2, …
 * in the shape of x, the same operator tells for every element of y which one it is, and the cotangents add up there.
 *
 * ScatterElements along one axis, because the ScatterND of ONNX Runtime adds without a lock: on the CPU (1.30, four
 * threads) 14 of 20 runs lost some of 20,000 rows added to the same row. ScatterElements lost none.
 *
 * @param others the inputs after x, where the forward node's do not fit an integer x
 */
export function scatterBack(site: Site, others: readonly string[] = site.node.input.slice(1)): string {
  const { b, node } = site;
  const { opType, attribute } = node;
  const count = b.emit('Size', [site.x()]);
  const numbers = b.emit('Range', [b.int(0), count, b.int(1)]);
  const positions = b.emit('Reshape', [numbers, b.shape(site.x())], { allowzero: 1 });
  const taken = b.fresh(opType);
  const input = [positions, ...others];
  b.addNode(create(NodeProtoSchema, { opType, name: taken, input, output: [taken], attribute }));
  const zeros = b.emit('Expand', [b.scalar(0, site.g), b.emit('Unsqueeze', [count, b.ints([0])])]);
  const flat = (value: string) => b.reshape(value, [-1]);
  const sums = b.emit('ScatterElements', [zeros, flat(taken), flat(site.g)], { axis: 0, reduction: 'add' });
  const result = b.emit('Reshape', [sums, b.shape(site.x())], { allowzero: 1 });
  b.assumeShapeOf(result, site.x());
  return result;
}

/** Zeros in the shape of a value, in the element type of the cotangent. */
export function zerosLike({ b, g }: Site, like: string): string {
  return b.expandLike(b.scalar(0, g), like);
}
