import { intAttribute, intsAttribute, tensorAttribute } from '../attributes';
import { addDims, broadcastShapes, divideDims, multiplyDims, normaliseAxis, type Dim, type Shape } from '../dims';
import { DataType } from '../dtype';
import type { NodeProto } from '../generated/onnx_pb';
import { constantNodeTensor, decodeSmall } from '../tensors';
import { rowMajorSteps, windowElements } from './elements';
import {
  constant,
  facts,
  first,
  numbers,
  shapeOf,
  sparseFacts,
  tensorFacts,
  unknownDims,
  type Infer,
  type Inputs,
} from './facts';
import { axesOf } from './products';

// Operators that move elements about, and those that make shapes.

export const reshape: Infer = (node, inputs) => {
  const { type, shape, elements } = first(inputs);
  const target = inputs[1]?.elements;
  if (target === undefined) {
    return facts(type, unknownDims(shapeOf(inputs, 1)?.[0]));
  }
  const zeroIsZero = intAttribute(node, 'allowzero', 0) === 1;
  const dims = target.map((dim, i): Dim => (dim === 0 && !zeroIsZero ? (shape?.[i] ?? null) : dim));
  const open = dims.indexOf(-1);
  if (open >= 0) {
    const rest = multiplyDims(...dims.filter((_, i) => i !== open));
    dims[open] = shape && divideDims(multiplyDims(...shape), rest);
  }
  return facts(type, dims, elements);
};

export const flatten: Infer = (node, inputs) => {
  const { type, shape } = first(inputs);
  if (shape === null) return facts(type, [null, null]);
  const axis = normaliseAxis(intAttribute(node, 'axis', 1), shape.length);
  return facts(type, [multiplyDims(...shape.slice(0, axis)), multiplyDims(...shape.slice(axis))]);
};

export const transpose: Infer = (node, inputs) => {
  const { type, shape, elements } = first(inputs);
  const perm = intsAttribute(node, 'perm') ?? shape?.map((_, i) => shape.length - 1 - i);
  const sizes = numbers(shape ?? undefined);
  const steps = sizes && rowMajorSteps(sizes);
  const axes = steps && perm?.map((axis) => ({ count: sizes[axis] ?? 0, step: steps[axis] ?? 0 }));
  return facts(
    type,
    perm?.map((axis) => shape?.[axis] ?? null) ?? null,
    elements && axes && windowElements(elements, 0, axes),
  );
};

export const squeeze: Infer = (node, inputs) => {
  const { type, shape, elements } = first(inputs);
  if (shape === null) return facts(type, null);
  const given = axesOf(node, inputs, 1);
  if (given === undefined && shape.some((dim) => typeof dim !== 'number')) return facts(type, null, elements);
  const axes = new Set(
    (given ?? shape.flatMap((dim, i) => (dim === 1 ? [i] : []))).map((a) => normaliseAxis(a, shape.length)),
  );
  return facts(
    type,
    shape.filter((_, i) => !axes.has(i)),
    elements,
  );
};

export const unsqueeze: Infer = (node, inputs) => {
  const { type, shape, elements } = first(inputs);
  const given = axesOf(node, inputs, 1);
  if (shape === null || given === undefined) return facts(type, null);
  const rank = shape.length + given.length;
  const axes = new Set(given.map((axis) => normaliseAxis(axis, rank)));
  const rest = [...shape];
  const result = Array.from({ length: rank }, (_, i): Dim => (axes.has(i) ? 1 : (rest.shift() ?? null)));
  return facts(type, result, rank === 1 ? elements : undefined);
};

export const concat: Infer = (node, inputs) => {
  const { type, shape } = first(inputs);
  if (shape === null) return facts(type, null);
  const axis = normaliseAxis(intAttribute(node, 'axis', 0), shape.length);
  const result = shape.map((dim, i): Dim => {
    const dims = inputs.map((input) => input.shape?.[i] ?? null);
    if (i === axis) return dims.reduce(addDims, 0);
    return (
      dims.find((candidate) => typeof candidate === 'number') ??
      dim ??
      dims.find((candidate) => candidate !== null) ??
      null
    );
  });
  const elements = inputs.every((input) => input.elements !== undefined) && shape.length === 1;
  return facts(type, result, elements ? inputs.flatMap((input) => input.elements ?? []) : undefined);
};

/** Sizes of the parts of a `Split`, where known. */
export function splitSizes(node: NodeProto, inputs: Inputs): readonly Dim[] {
  const { shape } = first(inputs);
  const parts = node.output.length;
  const given = intsAttribute(node, 'split') ?? constant(inputs, 1);
  if (given) return given;
  const size = shape?.[normaliseAxis(intAttribute(node, 'axis', 0), shape.length)] ?? null;
  if ((node.input[1] ?? '') !== '') return node.output.map(() => null);
  if (typeof size !== 'number') return node.output.map(() => divideDims(size, parts));
  const chunk = Math.ceil(size / parts);
  return node.output.map((_, i) => Math.min(chunk, size - i * chunk));
}

export const split: Infer = (node, inputs) => {
  const { type, shape } = first(inputs);
  const axis = normaliseAxis(intAttribute(node, 'axis', 0), shape?.length ?? 0);
  return splitSizes(node, inputs).map((size) => ({
    type,
    shape: shape && shape.map((dim, i) => (i === axis ? size : dim)),
  }));
};

/** First index and count along an axis of `size` for the bounds of a `Slice`, by the rules of the operator. */
export function sliceRange(size: number, start: number, end: number, step: number): { start: number; count: number } {
  const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);
  const from = start < 0 ? start + size : start;
  const to = end < 0 ? end + size : end;
  const begin = step > 0 ? clamp(from, 0, size) : clamp(from, 0, size - 1);
  const stop = step > 0 ? clamp(to, 0, size) : clamp(to, -1, size - 1);
  return { start: begin, count: Math.max(0, Math.ceil((stop - begin) / step)) };
}

/** Whether a bound of a `Slice` is beyond any size, in int64 or int32. */
export const isOpenEnd = (end: number, step: number): boolean => end * Math.sign(step) >= 2 ** 31 - 1;

/** `x[k:k+1]` or `x[-1:]`, which is there unless the axis is shorter, and then all that follows is empty. */
const isOneEntry = (start: number, end: number): boolean =>
  start === -1 ? isOpenEnd(end, 1) : end === start + 1 && end !== 0;

export const slice: Infer = (_node, inputs) => {
  const { type, shape, elements } = first(inputs);
  if (shape === null) return facts(type, null);
  const [starts, ends] = [constant(inputs, 1), constant(inputs, 2)];
  const axes = inputs.length > 3 && inputs[3]?.type ? constant(inputs, 3) : starts?.map((_, i) => i);
  const steps = inputs.length > 4 && inputs[4]?.type ? constant(inputs, 4) : starts?.map(() => 1);
  if (axes === undefined)
    return facts(
      type,
      shape.map(() => null),
    );
  const result = [...shape];
  axes.forEach((given, i) => {
    const axis = normaliseAxis(given, shape.length);
    const size = shape[axis] ?? null;
    const [start, end, step] = [starts?.[i], ends?.[i], steps?.[i]];
    if (start === undefined || end === undefined || step === undefined) result[axis] = null;
    else if (typeof size === 'number') result[axis] = sliceRange(size, start, end, step).count;
    else if (step === 1 && isOneEntry(start, end)) result[axis] = 1;
    else if (!(Math.abs(step) === 1 && isOpenEnd(end, step) && start === (step === 1 ? 0 : -1))) result[axis] = null;
  });
  return facts(type, result, elements && slicedElements(elements, shape, { starts, ends, axes, steps }));
};

function slicedElements(
  elements: readonly Dim[],
  shape: Shape,
  { starts, ends, axes, steps }: Record<'starts' | 'ends' | 'axes' | 'steps', readonly number[] | undefined>,
): Dim[] | undefined {
  const sizes = numbers(shape);
  if (!sizes || !starts || !ends || !axes || !steps) return undefined;
  const distances = rowMajorSteps(sizes);
  let begin = 0;
  const window = sizes.map((size, axis) => {
    const at = axes.findIndex((given) => normaliseAxis(given, sizes.length) === axis);
    const [distance = 1, step = 1] = [distances[axis], steps[at]];
    const { start, count } =
      at < 0 ? { start: 0, count: size } : sliceRange(size, starts[at] ?? 0, ends[at] ?? 0, step);
    begin += start * distance;
    return { count, step: step * distance };
  });
  return windowElements(elements, begin, window);
}

export const gather: Infer = (node, inputs) => {
  const { type, shape, elements } = first(inputs);
  const indices = shapeOf(inputs, 1);
  if (shape === null || indices === null) return facts(type, null);
  const axis = normaliseAxis(intAttribute(node, 'axis', 0), shape.length);
  const picked = elements && constant(inputs, 1)?.map((i) => elements[normaliseAxis(i, elements.length)] ?? null);
  return facts(
    type,
    [...shape.slice(0, axis), ...indices, ...shape.slice(axis + 1)],
    shape.length === 1 ? picked : undefined,
  );
};

export const gatherND: Infer = (node, inputs) => {
  const [{ type, shape }, indices] = [first(inputs), shapeOf(inputs, 1)];
  const depth = indices?.at(-1);
  if (shape === null || indices === null || typeof depth !== 'number') return facts(type, null);
  return facts(type, [...indices.slice(0, -1), ...shape.slice(intAttribute(node, 'batch_dims', 0) + depth)]);
};

/** Without an axis the elements are taken from all, in one row. */
export const compress: Infer = (node, inputs) => {
  const { type, shape } = first(inputs);
  const axis = intsAttribute(node, 'axis') && intAttribute(node, 'axis', 0);
  if (axis === undefined) return facts(type, [null]);
  return facts(type, shape && shape.map((dim, i) => (i === normaliseAxis(axis, shape.length) ? null : dim)));
};

export const topK: Infer = (node, inputs) => {
  const { type, shape } = first(inputs);
  const axis = shape && normaliseAxis(intAttribute(node, 'axis', -1), shape.length);
  const count = inputs[1]?.elements?.[0] ?? null;
  const result = shape && shape.map((dim, i) => (i === axis ? count : dim));
  return [
    { type, shape: result },
    { type: DataType.INT64, shape: result },
  ];
};

/**
 * A target size other than one is the result's: `expand` of the tracing exporters only goes one way, so a symbol there is
 * not taken for a possible one (which the operator would allow).
 */
export const expand: Infer = (_node, inputs) => {
  const { type, shape } = first(inputs);
  const target = inputs[1]?.elements ?? unknownDims(shapeOf(inputs, 1)?.[0]);
  if (!shape || !target) return facts(type, null);
  const result = broadcastShapes(shape, target);
  const offset = result.length - target.length;
  const stated = (i: number): Dim => (target[i - offset] === 1 ? null : (target[i - offset] ?? null));
  return facts(
    type,
    result.map((dim, i) => dim ?? stated(i)),
  );
};

export const pad: Infer = (node, inputs) => {
  const { type, shape } = first(inputs);
  const pads = constant(inputs, 1) ?? intsAttribute(node, 'pads');
  if (shape === null) return facts(type, null);
  const axes = (inputs[3]?.type ? constant(inputs, 3) : shape.map((_, i) => i))?.map((a) =>
    normaliseAxis(a, shape.length),
  );
  if (pads === undefined || axes === undefined)
    return facts(
      type,
      shape.map(() => null),
    );
  return facts(
    type,
    shape.map((dim, i) => {
      const at = axes.indexOf(i);
      return at < 0 ? dim : addDims(dim, (pads[at] ?? 0) + (pads[at + axes.length] ?? 0));
    }),
  );
};

export const tile: Infer = (_node, inputs) => {
  const { type, shape } = first(inputs);
  const repeats = inputs[1]?.elements;
  return facts(type, shape && shape.map((dim, i) => multiplyDims(dim, repeats?.[i] ?? null)));
};

export const shapeNode: Infer = (node, inputs) => {
  const { shape } = first(inputs);
  if (shape === null) return facts(DataType.INT64, [null]);
  const elements = shape.slice(intAttribute(node, 'start', 0), intAttribute(node, 'end', shape.length));
  return facts(DataType.INT64, [elements.length], elements);
};

export const constantOfShape: Infer = (node, inputs) => {
  const value = tensorAttribute(node, 'value');
  const shape = inputs[0]?.elements ?? null;
  const fill = value && decodeSmall(value)?.[0];
  const count = shape?.length === 1 ? shape[0] : undefined;
  const elements =
    typeof count === 'number' && count <= 64 ? Array.from({ length: count }, () => fill ?? 0) : undefined;
  return facts(value?.dataType ?? DataType.FLOAT, shape, elements);
};

export const constantNode: Infer = (node) => {
  const tensor = constantNodeTensor(node);
  if (tensor) return [tensorFacts(tensor)];
  const sparse = node.attribute.find(({ name }) => name === 'sparse_value')?.sparseTensor;
  return sparse ? [sparseFacts(sparse)] : [];
};

/** Range: ⌈(limit − start)/delta⌉ numbers, or as many as a size says that counts up to it from 0. */
export const range: Infer = (_node, inputs) => {
  const [start, limit, delta] = [0, 1, 2].map((i) => inputs[i]?.elements?.[0]);
  const counts = start === 0 && delta === 1 && typeof limit === 'string';
  const known = typeof start === 'number' && typeof limit === 'number' && typeof delta === 'number' && delta !== 0;
  const count = counts ? limit : known ? Math.max(Math.ceil((limit - start) / delta), 0) : null;
  return facts(first(inputs).type, [count]);
};
