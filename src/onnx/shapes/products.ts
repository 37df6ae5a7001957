import { intAttribute, intsAttribute, stringAttribute } from '../attributes';
import {
  addDims,
  broadcastDim,
  broadcastShapes,
  type Dim,
  divideDims,
  multiplyDims,
  normaliseAxis,
  type Shape,
} from '../dims';
import { DataType, isFloat } from '../dtype';
import { einsumLabels } from '../einsum';
import type { NodeProto } from '../generated/onnx_pb';
import { decodeLimit } from '../tensors';
import { constant, facts, first, shapeOf, type Infer, type Inputs, type ValueFacts } from './facts';

// Products and reductions, whose axes pair up or vanish.

/** Axes from the attribute or, in newer operator sets, from an input; undefined when not constant or absent. */
export function axesOf(node: NodeProto, inputs: Inputs, inputIndex: number): number[] | undefined {
  return intsAttribute(node, 'axes') ?? constant(inputs, inputIndex);
}

export const reduce: Infer = (node, inputs) => {
  const { type, shape } = first(inputs);
  if (shape === null) return facts(type, null);
  const given = axesOf(node, inputs, 1);
  const hasAxes = given !== undefined || (node.input[1] ?? '') !== '';
  const keep = intAttribute(node, 'keepdims', 1) === 1;
  if (hasAxes && given === undefined) return facts(type, keep ? shape.map(() => null) : null);
  if ((given ?? []).length === 0 && intAttribute(node, 'noop_with_empty_axes', 0) === 1) return facts(type, shape);
  const axes = new Set(
    (given?.length ? given : shape.map((_, i) => i)).map((axis) => normaliseAxis(axis, shape.length)),
  );
  return facts(type, keep ? shape.map((dim, i) => (axes.has(i) ? 1 : dim)) : shape.filter((_, i) => !axes.has(i)));
};

/** ArgMax and ArgMin: the one axis is an attribute, and the first by default. */
export const argument: Infer = (node, inputs) => {
  const shape = shapeOf(inputs, 0);
  const axis = normaliseAxis(intAttribute(node, 'axis', 0), shape?.length ?? 0);
  const keep = intAttribute(node, 'keepdims', 1) === 1;
  return facts(DataType.INT64, shape?.flatMap((dim, i) => (i !== axis ? [dim] : keep ? [1] : [])) ?? null);
};

/** Layer norm: the optional Mean and InvStdDev have size one along the normalised axes, in the type of `stash_type`. */
export const layerNormalization: Infer = (node, inputs) => {
  const { type, shape } = first(inputs);
  const from = shape && normaliseAxis(intAttribute(node, 'axis', -1), shape.length);
  const [statistics] = facts(
    intAttribute(node, 'stash_type', DataType.FLOAT),
    from === null ? null : (shape?.map((dim, i) => (i < from ? dim : 1)) ?? null),
  );
  return [{ type, shape }, ...(statistics ? [statistics, statistics] : [])];
};

export const matMul: Infer = (_node, inputs) => {
  const [a, b] = [shapeOf(inputs, 0), shapeOf(inputs, 1)];
  if (a === null || b === null) return facts(first(inputs).type, null);
  const left: Shape = a.length === 1 ? [1, ...a] : a;
  const right: Shape = b.length === 1 ? [...b, 1] : b;
  const shape = [...broadcastShapes(left.slice(0, -2), right.slice(0, -2))];
  if (a.length > 1) shape.push(left.at(-2) ?? null);
  if (b.length > 1) shape.push(right.at(-1) ?? null);
  return facts(first(inputs).type, shape);
};

export const gemm: Infer = (node, inputs) => {
  const m = shapeOf(inputs, 0)?.[intAttribute(node, 'transA', 0) ? 1 : 0] ?? null;
  const n = shapeOf(inputs, 1)?.[intAttribute(node, 'transB', 0) ? 0 : 1] ?? null;
  return facts(first(inputs).type, [m, n]);
};

export const einsum: Infer = (node, inputs) => {
  const ranks = inputs.map((input) => input.shape?.length);
  const labels = einsumLabels(stringAttribute(node, 'equation', ''), ranks);
  if (labels === undefined) return facts(first(inputs).type, null);
  const sizes = new Map<string, Dim>();
  labels.operands.forEach((operand, i) => {
    [...operand].forEach((label, axis) => {
      sizes.set(label, broadcastDim(sizes.get(label) ?? 1, inputs[i]?.shape?.[axis] ?? null));
    });
  });
  return facts(
    first(inputs).type,
    [...labels.output].map((label) => sizes.get(label) ?? null),
  );
};

/** The output, the present keys and values, and the scores; inputs have their heads in front or packed behind. */
export const attention: Infer = (node, inputs) => {
  const { type } = first(inputs);
  const [keyHeads, queryHeads] = ['kv_num_heads', 'q_num_heads'].map((name) => intAttribute(node, name, 0) || null);
  const split = (index: number, heads: Dim | undefined): Shape | null => {
    const shape = shapeOf(inputs, index);
    if (shape?.length !== 3) return shape;
    const [batch = null, length = null, width = null] = shape;
    return [batch, heads ?? null, length, divideDims(width, heads ?? null)];
  };
  const [q, k, v] = [split(0, queryHeads), split(1, keyHeads), split(2, keyHeads)];
  if (q === null || k === null || v === null) return facts(type, null);
  const total = (shape: Shape, past: number): Dim =>
    inputs[past]?.type ? addDims(shape[2] ?? null, shapeOf(inputs, past)?.[2] ?? null) : (shape[2] ?? null);
  const present = (shape: Shape, past: number) => [...shape.slice(0, 2), total(shape, past), shape[3] ?? null];
  const output =
    shapeOf(inputs, 0)?.length === 3
      ? [q[0] ?? null, q[2] ?? null, multiplyDims(q[1] ?? null, v[3] ?? null)]
      : [...q.slice(0, 3), v[3] ?? null];
  return [output, present(k, 4), present(v, 5), [...q.slice(0, 3), total(k, 4)]].map((shape) => ({ type, shape }));
};

/** OneHot; of a single constant index also the elements: exporters put a repetition count in the place of one axis so. */
export const oneHot: Infer = (node, inputs) => {
  const shape = shapeOf(inputs, 0);
  const depth = inputs[1]?.elements?.[0] ?? null;
  if (shape === null) return facts(inputs[2]?.type ?? DataType.UNDEFINED, null);
  const axis = normaliseAxis(intAttribute(node, 'axis', -1), shape.length + 1);
  const type = inputs[2]?.type ?? DataType.UNDEFINED;
  const result: ValueFacts = { type, shape: [...shape.slice(0, axis), depth, ...shape.slice(axis)] };
  const [index, ...others] = constant(inputs, 0) ?? [];
  const [off, on] = inputs[2]?.elements ?? [];
  const isSmall = typeof depth === 'number' && depth <= decodeLimit;
  if (index === undefined || others.length > 0 || !isSmall) return [result];
  if (off === undefined || on === undefined || isFloat(type)) return [result];
  const at = index < 0 ? index + depth : index;
  return [{ ...result, elements: Array.from({ length: depth }, (_, i) => (i === at ? on : off)) }];
};
