import { floatAttribute, intAttribute } from '../attributes';
import type { GraphBuilder } from '../builder';
import { DataType } from '../dtype';
import type { Operation } from '../rules/rule';
import { allOf, attend, lengthOf, masked, mergeHeads, positions, splitHeads, visible } from './attend';
import type { Expansion, ExpansionTable } from './expansion';

/** Attention of operator sets 23 to 25, https://onnx.ai/onnx/operators/onnx__Attention.html */
const attention: Expansion = (operation) => {
  const { b, node } = operation;
  const flat = operation.rank() === 3;
  const heads = (name: string): number => {
    const count = intAttribute(node, name, 0);
    return count > 0
      ? count
      : operation.onlyIf(`its attribute ${name} is given, as inputs of three dimensions need it`);
  };
  const split = (index: number, name: string) =>
    flat ? splitHeads(b, operation.x(index), heads(name)) : operation.x(index);
  const joined = (past: number, value: string) =>
    operation.has(past) ? b.emit('Concat', [operation.x(past), value], { axis: 2 }) : value;
  const q = split(0, 'q_num_heads');
  const k = joined(4, split(1, 'kv_num_heads'));
  const v = joined(5, split(2, 'kv_num_heads'));
  const { bias, anySeen } = maskOf(operation, q, k);
  const scale = floatAttribute(node, 'scale', 0);
  const result = attend(b, q, k, v, {
    scale: scale === 0 ? undefined : scale,
    softcap: floatAttribute(node, 'softcap', 0),
    bias,
    softmax: softmaxIn(b, intAttribute(node, 'softmax_precision', 0)),
  });
  // A query that may see nothing gives zero.
  const guarded = (value: string) => (anySeen === undefined ? value : b.mul(value, anySeen));
  const output = guarded(result.output);
  b.assumeShapeOf(output, result.output);
  const stages = [result.scores, result.capped, result.biased];
  const stage = () => stages[intAttribute(node, 'qk_matmul_output_mode', 0)] ?? guarded(result.weights);
  return [flat ? mergeHeads(b, output) : output, k, v, operation.y(3) === '' ? undefined : stage()];
};

/** The softmax in the type that is asked for, where it is wider than that of the scores. */
function softmaxIn(b: GraphBuilder, precision: number) {
  return (scores: string): string => {
    const type = b.typeOf(scores);
    if (precision !== DataType.DOUBLE || type === precision) return b.emit('Softmax', [scores], { axis: -1 });
    const wide = b.emit('Softmax', [b.emit('Cast', [scores], { to: precision })], { axis: -1 });
    return b.emit('Cast', [wide], { to: type });
  };
}

/**
 * The mask, the causal order, the window and the padding as one value to add to the scores, and for each query one or
 * zero: whether it sees any key (undefined where all surely do).
 */
function maskOf(operation: Operation, q: string, k: string): { bias?: string; anySeen?: string } {
  const { b, node } = operation;
  const mask = operation.has(3) ? padMask(operation, k) : undefined;
  const isBoolean = mask !== undefined && b.typeOf(mask) === DataType.BOOL;
  const window = (side: string): number | undefined => {
    const size = intAttribute(node, `${side}_window_size`, -1);
    return size < 0 ? undefined : size;
  };
  const before = window('left');
  const after = intAttribute(node, 'is_causal', 0) === 1 ? 0 : window('right');
  const length = operation.optional(6);
  const padding = length && b.emit('Less', [positions(b, k, 2), b.emit('Unsqueeze', [length, b.ints([1, 2, 3])])]);
  const seen = allOf(b, [
    ...visible(b, q, k, offsetOf(operation, q), { before, after }),
    ...(padding ? [padding] : []),
    ...(isBoolean ? [mask] : []),
  ]);
  const hidden = b.scalar(masked, q);
  const added = mask === undefined || isBoolean ? undefined : b.emit('Clip', [mask, hidden]);
  const bias = seen === undefined ? added : b.emit('Where', [seen, added ?? b.scalar(0, q), hidden]);
  if (bias === undefined) return {};
  // In causal order alone each query sees at least the first key.
  if (mask === undefined && padding === undefined && before === undefined) return { bias };
  const highest = b.emit('ReduceMax', [bias, b.ints([-1])], { keepdims: 1 });
  return { bias, anySeen: b.emit('Cast', [b.emit('Greater', [highest, hidden])], { to: b.typeOf(q) }) };
}

/** How many keys come before the first query: those of the past, or those of a cache that ends with the queries. */
function offsetOf(operation: Operation, q: string): string | undefined {
  const { b } = operation;
  if (operation.has(4)) return lengthOf(b, operation.x(4), 2);
  if (!operation.has(6)) return undefined;
  return b.emit('Unsqueeze', [b.sub(operation.x(6), lengthOf(b, q, 2)), b.ints([1, 2, 3])]);
}

/** Keys behind the end of a short mask are hidden. */
function padMask(operation: Operation, k: string): string {
  const { b } = operation;
  const mask = operation.x(3);
  const [size, total] = [b.dimOf(mask, operation.rank(3) - 1), b.dimOf(k, 2)];
  if (typeof size !== 'number' || typeof total !== 'number' || size >= total) return mask;
  const hidden = b.typeOf(mask) === DataType.BOOL ? undefined : b.scalar(masked, mask);
  return b.emit('Pad', [mask, b.ints([0, total - size]), hidden, b.ints([operation.rank(3) - 1])]);
}

export const attentionExpansions: ExpansionTable = { Attention: attention };
