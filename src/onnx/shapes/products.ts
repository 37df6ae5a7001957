import { intAttribute, intsAttribute, stringAttribute } from '../attributes';
import { broadcastDim, broadcastShapes, normaliseAxis, type Dim, type Shape } from '../dims';
import { DataType } from '../dtype';
import { einsumLabels } from '../einsum';
import type { NodeProto } from '../generated/onnx_pb';
import { constant, facts, first, shapeOf, type Infer, type Inputs } from './facts';

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

export const attention: Infer = (_node, inputs) => {
  const [q, v] = [shapeOf(inputs, 0), shapeOf(inputs, 2)];
  return facts(first(inputs).type, q && v && q.length === 4 ? [...q.slice(0, 3), v[3] ?? null] : null);
};

export const oneHot: Infer = (node, inputs) => {
  const shape = shapeOf(inputs, 0);
  const depth = inputs[1]?.elements?.[0] ?? null;
  if (shape === null) return facts(inputs[2]?.type ?? DataType.UNDEFINED, null);
  const axis = normaliseAxis(intAttribute(node, 'axis', -1), shape.length + 1);
  return facts(inputs[2]?.type ?? DataType.UNDEFINED, [...shape.slice(0, axis), depth, ...shape.slice(axis)]);
};
