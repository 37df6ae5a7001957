import { intAttribute } from '../attributes';
import type { GraphBuilder } from '../builder';
import { DataType } from '../dtype';
import type { Operation } from '../rules/rule';
import type { Expansion, ExpansionTable } from './expansion';

/** Numbers of 2, 4 or 8 bits that lie in bytes, low bits first, along the last axis; in the type of `like`. */
function unpack(b: GraphBuilder, packed: string, bits: number, like: string): string {
  const to = b.typeOf(like);
  if (bits === 8) return b.emit('Cast', [packed], { to });
  const int32 = (value: string) => b.emit('Cast', [value], { to: DataType.INT32 });
  const bytes = int32(packed);
  const parts = Array.from({ length: 8 / bits }, (_, i) => {
    const shifted = i === 0 ? bytes : b.div(bytes, int32(b.int(2 ** (bits * i))));
    return b.emit('Unsqueeze', [b.emit('Mod', [shifted, int32(b.int(2 ** bits))]), b.ints([-1])]);
  });
  return b.emit('Cast', [b.emit('Concat', parts, { axis: -1 })], { to });
}

/**
 * A product with a weight [N, K] of 2, 4 or 8 bits in blocks along K, each with a scale and a zero point: y = x·Wᵀ + bias,
 * W = (q − zero)·scale. The weight is written out in float, once: ONNX Runtime folds these nodes when it opens the graph.
 */
const matMulBits: Expansion = (operation) => {
  const { b, node } = operation;
  const bits = intAttribute(node, 'bits', 4);
  if (![2, 4, 8].includes(bits)) operation.onlyIf('its weights have 2, 4 or 8 bits');
  if (operation.has(4)) operation.onlyIf('its deprecated input g_idx is left out');
  const [rows, columns, block] = ['N', 'K', 'block_size'].map((name) => intAttribute(node, name, 0));
  if (!rows || !columns || !block) return operation.onlyIf('its attributes N, K and block_size are given');
  const blocks = Math.ceil(columns / block);
  const x = operation.x();
  const quantised = b.reshape(unpack(b, operation.x(1), bits, x), [rows, blocks, block]);
  const perBlock = (value: string) => b.reshape(value, [rows, blocks, 1]);
  const zero = operation.has(3) ? perBlock(zeroPoints(operation, bits, rows, blocks)) : b.scalar(2 ** (bits - 1), x);
  const weight = b.reshape(b.mul(b.sub(quantised, zero), perBlock(operation.x(2))), [rows, blocks * block]);
  const used = b.emit('Slice', [weight, b.ints([0]), b.ints([columns]), b.ints([1])]);
  const y = b.emit('MatMul', [x, b.transpose(used, [1, 0])]);
  return [operation.has(5) ? b.add(y, operation.x(5)) : y];
};

/** One for each block; packed like the weights, with whole bytes a row, unless they are floats. */
function zeroPoints(operation: Operation, bits: number, rows: number, blocks: number): string {
  const { b } = operation;
  const given = operation.x(3);
  if (b.typeOf(given) !== DataType.UINT8) return given;
  const bytes = b.reshape(given, [rows, Math.ceil((blocks * bits) / 8)]);
  const all = b.reshape(unpack(b, bytes, bits, operation.x()), [rows, -1]);
  return b.emit('Slice', [all, b.ints([0]), b.ints([blocks]), b.ints([1])]);
}

/** ONNX Runtime's own are those of ONNX, for more integer types. */
const standard =
  (operator: string): Expansion =>
  (operation) => [operation.b.emit(operator, operation.node.input, { axis: intAttribute(operation.node, 'axis', 1) })];

export const quantisedExpansions: ExpansionTable = {
  'com.microsoft.MatMulNBits': matMulBits,
  'com.microsoft.QuantizeLinear': standard('QuantizeLinear'),
  'com.microsoft.DequantizeLinear': standard('DequantizeLinear'),
};
