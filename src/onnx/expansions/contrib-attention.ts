import { floatAttribute, intAttribute, intsAttribute } from '../attributes';
import type { GraphBuilder } from '../builder';
import { multiplyDims } from '../dims';
import { DataType } from '../dtype';
import type { Operation } from '../rules/rule';
import { attend, lengthOf, masked, mergeHeads, positions, splitHeads, visible } from './attend';
import type { Expansion, ExpansionTable } from './expansion';

// Attention as ONNX Runtime's transformer optimiser writes it,
// https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md

/** Packed projection of queries, keys and values: input, weights, bias, mask index, past, attention bias. */
const attention: Expansion = (operation) => {
  const { b, node } = operation;
  if (operation.has(4) || operation.has(6)) operation.onlyIf('it has no past keys and values');
  if (intAttribute(node, 'do_rotary', 0) === 1) operation.onlyIf('its attribute do_rotary is 0');
  const product = b.emit('MatMul', [operation.x(0), operation.x(1)]);
  const packed = operation.has(2) ? b.add(product, operation.x(2)) : product;
  const [q = '', k = '', v = ''] = splitLast(b, packed, intsAttribute(node, 'qkv_hidden_sizes')).map((part) =>
    splitHeads(b, part, headsOf(operation)),
  );
  const present = () =>
    b.emit(
      'Concat',
      [k, v].map((state) => b.emit('Unsqueeze', [state, b.ints([0])])),
      { axis: 0 },
    );
  return [score(operation, q, k, v, { mask: 3, bias: 5 }), operation.y(1) === '' ? undefined : present()];
};

/** Query, key, value, bias, key padding mask, attention bias, past key, past value. */
const multiHead: Expansion = (operation) => {
  const { b } = operation;
  if (operation.has(8) || operation.has(9)) operation.onlyIf('its past keys and values have no buffer of their own');
  if (operation.y(3) !== '') operation.onlyIf('its output qk is not used');
  const [q, newK, newV] = queryKeyValue(operation);
  const joined = (past: number, value: string) =>
    operation.has(past) ? b.emit('Concat', [operation.x(past), value], { axis: 2 }) : value;
  const [k, v] = [joined(6, newK), joined(7, newV)];
  return [score(operation, q, k, v, { mask: 4, bias: 5, past: 6 }), k, v];
};

function headsOf(operation: Operation): number {
  const heads = intAttribute(operation.node, 'num_heads', 0);
  return heads > 0 ? heads : operation.onlyIf('its attribute num_heads is given');
}

/** The projections as [batch, heads, length, size], from any of the layouts of MultiHeadAttention. */
function queryKeyValue(operation: Operation): [string, string, string] {
  const { b } = operation;
  const heads = headsOf(operation);
  const biases = operation.has(3) ? biasParts(operation) : undefined;
  const flat = (index: number) => {
    const bias = biases?.[index];
    return splitHeads(b, bias === undefined ? operation.x(index) : b.add(operation.x(index), bias), heads);
  };
  /** Parts of [batch, length, heads, parts, size]. */
  const packed = (index: number, parts: number, offset: number) =>
    b.splitEqually(operation.x(index), parts, 3).map((part, i) => {
      const value = b.emit('Squeeze', [part, b.ints([3])]);
      const bias = biases?.[i + offset];
      const shifted = bias === undefined ? value : b.add(value, b.reshape(bias, [heads, -1]));
      return b.transpose(shifted, [0, 2, 1, 3]);
    });
  if (!operation.has(1)) {
    if (operation.rank() !== 5) operation.onlyIf('its key is given, or its query packs queries, keys and values');
    const [q = '', k = '', v = ''] = packed(0, 3, 0);
    return [q, k, v];
  }
  if (operation.rank(1) === 5) {
    const [k = '', v = ''] = packed(1, 2, 1);
    return [flat(0), k, v];
  }
  const key = (index: number) => (operation.rank(index) === 4 ? operation.x(index) : flat(index));
  return [flat(0), key(1), key(2)];
}

/** The biases of queries, keys and values, which lie behind each other in one vector. */
function biasParts(operation: Operation): string[] {
  const { b } = operation;
  const packed = !operation.has(2);
  const size = (index: number): number | undefined => {
    const dim = operation.has(index) ? b.dimOf(operation.x(index), operation.rank(index) - 1) : null;
    return typeof dim === 'number' ? dim : undefined;
  };
  if (packed) return splitLast(b, operation.x(3), undefined);
  const [hidden, total, heads] = [size(0) ?? size(1), size(3), headsOf(operation)];
  const value = size(2) ?? (hidden !== undefined && total !== undefined ? total - 2 * hidden : undefined);
  if (hidden === undefined || value === undefined || hidden % heads !== 0)
    return operation.onlyIf('the hidden sizes of its query and value are fixed');
  return splitLast(b, operation.x(3), [hidden, hidden, value]);
}

/** Three parts of the last axis, equal ones unless sizes are given. */
function splitLast(b: GraphBuilder, value: string, sizes: readonly number[] | undefined): string[] {
  return sizes === undefined
    ? b.splitEqually(value, 3, -1)
    : b.emitMany('Split', [value, b.ints(sizes)], 3, { axis: -1 });
}

/** The attention itself, merged to [batch, queries, hidden size of the values]. */
function score(
  operation: Operation,
  q: string,
  k: string,
  v: string,
  inputs: { readonly mask: number; readonly bias: number; readonly past?: number },
): string {
  const { b, node } = operation;
  const terms = operation.has(inputs.bias) ? [operation.x(inputs.bias)] : [];
  const mask = operation.has(inputs.mask) ? keyMask(operation, inputs.mask, q, k) : undefined;
  const filter = b.scalar(floatAttribute(node, 'mask_filter_value', -10000), q);
  if (mask !== undefined) terms.push(b.emit('Where', [mask, b.scalar(0, q), filter]));
  if (intAttribute(node, 'unidirectional', 0) === 1) {
    const past = inputs.past === undefined ? undefined : operation.optional(inputs.past);
    const [earlier = ''] = visible(b, q, k, past && lengthOf(b, past, 2), { after: 0 });
    terms.push(b.emit('Where', [earlier, b.scalar(0, q), b.scalar(masked, q)]));
  }
  const [first, ...rest] = terms;
  const bias = first === undefined ? undefined : rest.reduce((sum, term) => b.add(sum, term), first);
  const scale = floatAttribute(node, 'scale', 0);
  return mergeHeads(b, attend(b, q, k, v, { scale: scale === 0 ? undefined : scale, bias }).output);
}

/**
 * Where keys are seen, boolean and broadcast to [batch, heads, queries, keys]: from flags [batch, keys] or
 * [batch, queries, keys], from ends [batch] of the keys, from ends and starts [2·batch], or from the lengths and
 * cumulated lengths [3·batch + 2]. Flags of length one say nothing.
 */
function keyMask(operation: Operation, index: number, q: string, k: string): string | undefined {
  const { b } = operation;
  const mask = b.emit('Cast', [operation.x(index)], { to: DataType.INT64 });
  const rank = operation.rank(index);
  const flags = (axes: readonly number[]) => b.emit('Unsqueeze', [b.emit('Greater', [mask, b.int(0)]), b.ints(axes)]);
  if (rank === 2) return b.dimOf(operation.x(index), 1) === 1 ? undefined : flags([1, 2]);
  if (rank === 3) return flags([1]);
  if (rank !== 1) return operation.onlyIf('its mask has at most three dimensions');
  const [length, batch] = [b.dimOf(operation.x(index), 0), b.dimOf(q, 0)];
  const keys = positions(b, k, 2);
  const column = (part: string) => b.reshape(part, [-1, 1, 1, 1]);
  if (length !== null && length === batch) return b.emit('Less', [keys, column(mask)]);
  if (length !== null && length === multiplyDims(2, batch)) {
    const [ends = '', starts = ''] = b.splitEqually(mask, 2, 0);
    const early = b.emit('Less', [keys, column(ends)]);
    return b.emit('And', [early, b.emit('GreaterOrEqual', [keys, column(starts)])]);
  }
  if (typeof batch !== 'number' || length !== 3 * batch + 2)
    return operation.onlyIf(`its mask ("${operation.x(index)}") is as long as the batch, or both sizes are fixed`);
  return b.emit('Less', [keys, column(b.emit('Slice', [mask, b.ints([0]), b.ints([batch])]))]);
}

export const contribAttentionExpansions: ExpansionTable = {
  'com.microsoft.Attention': attention,
  'com.microsoft.MultiHeadAttention': multiHead,
};
