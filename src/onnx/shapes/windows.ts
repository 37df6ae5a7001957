import { intAttribute, intsAttribute, stringAttribute } from '../attributes';
import { divideDims, multiplyDims, normaliseAxis, windowDim, type Dim, type Shape } from '../dims';
import { DataType } from '../dtype';
import type { NodeProto } from '../generated/onnx_pb';
import { constant, facts, first, numbers, shapeOf, type Infer } from './facts';

// Operators with a sliding window, and those that change the resolution.

/** The window of convolutions and poolings, with defaults filled in; pads are begins then ends. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  /** `NOTSET` means that `pads` holds. */
  readonly autoPad: string;
}

export function windowOf(node: NodeProto, kernel: readonly number[]): Window {
  const autoPad = stringAttribute(node, 'auto_pad', 'NOTSET');
  const ones = kernel.map(() => 1);
  const zeros = [...kernel, ...kernel].map(() => 0);
  return {
    kernel,
    strides: intsAttribute(node, 'strides') ?? ones,
    dilations: intsAttribute(node, 'dilations') ?? ones,
    pads: autoPad === 'VALID' ? zeros : (intsAttribute(node, 'pads') ?? zeros),
    autoPad: autoPad === 'VALID' ? 'NOTSET' : autoPad,
  };
}

function windowedDims(node: NodeProto, spatial: Shape, kernel: readonly number[]): Dim[] {
  const { strides, dilations, pads, autoPad } = windowOf(node, kernel);
  const ceil = intAttribute(node, 'ceil_mode', 0) === 1;
  return spatial.map((size, i) => {
    const [k = 1, stride = 1, dilation = 1] = [kernel[i], strides[i], dilations[i]];
    const extent = dilation * (k - 1) + 1;
    const pad = (pads[i] ?? 0) + (pads[i + spatial.length] ?? 0);
    if (stride === 1 && (autoPad !== 'NOTSET' || pad === extent - 1)) return size;
    if (typeof size !== 'number') {
      if (ceil) return null;
      return autoPad === 'NOTSET' ? windowDim(size, pad - extent, stride) : windowDim(size, -1, stride);
    }
    if (autoPad !== 'NOTSET') return Math.ceil(size / stride);
    const steps = (size + pad - extent) / stride;
    if (!ceil) return Math.floor(steps) + 1;
    const count = Math.ceil(steps) + 1;
    // A last window that starts in the end padding is dropped.
    return (count - 1) * stride >= size + (pads[i] ?? 0) ? count - 1 : count;
  });
}

export const conv: Infer = (node, inputs) => {
  const [x, w] = [shapeOf(inputs, 0), shapeOf(inputs, 1)];
  const kernel = intsAttribute(node, 'kernel_shape') ?? numbers(w?.slice(2));
  if (kernel === undefined) return facts(first(inputs).type, null);
  const spatial = x?.slice(2) ?? kernel.map(() => null);
  return facts(first(inputs).type, [x?.[0] ?? null, w?.[0] ?? null, ...windowedDims(node, spatial, kernel)]);
};

export const convTranspose: Infer = (node, inputs) => {
  const [x, w] = [shapeOf(inputs, 0), shapeOf(inputs, 1)];
  const kernel = intsAttribute(node, 'kernel_shape') ?? numbers(w?.slice(2));
  if (kernel === undefined) return facts(first(inputs).type, null);
  const window = windowOf(node, kernel);
  const extra = intsAttribute(node, 'output_padding');
  const explicit = intsAttribute(node, 'output_shape');
  const spatial = kernel.map((k, i): Dim => {
    const size = x?.[i + 2] ?? null;
    const stride = window.strides[i] ?? 1;
    if (explicit) return explicit[i] ?? null;
    const pad = (window.pads[i] ?? 0) + (window.pads[i + kernel.length] ?? 0);
    // s·(n − 1) + p + d·(k − 1) + 1 − pads, which is s·n whenever the rest cancels.
    const beyond = (extra?.[i] ?? 0) + (window.dilations[i] ?? 1) * (k - 1) + 1 - stride;
    // Automatic pads cancel it, but only cut: ONNX Runtime adds no pixels where windows leave gaps.
    const rest = window.autoPad === 'NOTSET' ? beyond - pad : Math.min(0, beyond);
    return rest === 0 ? multiplyDims(size, stride) : typeof size === 'number' ? size * stride + rest : null;
  });
  const group = intAttribute(node, 'group', 1);
  return facts(first(inputs).type, [x?.[0] ?? null, multiplyDims(w?.[1] ?? null, group), ...spatial]);
};

export const pool: Infer = (node, inputs) => {
  const { type, shape } = first(inputs);
  const kernel = intsAttribute(node, 'kernel_shape');
  if (shape === null || kernel === undefined) return facts(type, null);
  const result = [...shape.slice(0, 2), ...windowedDims(node, shape.slice(2), kernel)];
  return [
    { type, shape: result },
    { type: DataType.INT64, shape: result },
  ];
};

export const globalPool: Infer = (_node, inputs) => {
  const { type, shape } = first(inputs);
  return facts(type, shape && shape.map((dim, i) => (i < 2 ? dim : 1)));
};

export const resize: Infer = (node, inputs) => {
  const { type, shape } = first(inputs);
  if (shape === null) return facts(type, null);
  const axes = intsAttribute(node, 'axes')?.map((axis) => normaliseAxis(axis, shape.length)) ?? shape.map((_, i) => i);
  const [scales, sizes] = [constant(inputs, 2), inputs[3]?.elements];
  const resized = axes.map((axis, i): Dim => {
    const dim = shape[axis] ?? null;
    if (sizes && sizes.length > 0) return keptAspect(node, shape, axes, sizes, i);
    const scale = scales?.[i];
    if (scale === undefined) return null;
    // In float32, as ONNX Runtime does it: 10 · 0.7 is 7 there, and a little less in double.
    if (typeof dim === 'number') return Math.floor(Math.fround(dim * scale));
    return Number.isInteger(scale) ? multiplyDims(dim, scale) : null;
  });
  return facts(
    type,
    shape.map((dim, axis) => (axes.includes(axis) ? (resized[axes.indexOf(axis)] ?? null) : dim)),
  );
};

/** The wanted size, or the size at the one scale of all axes at which none is larger (or smaller) than wanted. */
function keptAspect(node: NodeProto, shape: Shape, axes: readonly number[], sizes: Shape, i: number): Dim {
  const policy = stringAttribute(node, 'keep_aspect_ratio_policy', 'stretch');
  if (policy === 'stretch') return sizes[i] ?? null;
  const from = numbers(axes.map((axis) => shape[axis] ?? null));
  const wanted = numbers(sizes);
  if (!from || !wanted) return null;
  const ratios = wanted.map((size, index) => Math.fround(size / (from[index] ?? 1)));
  const scale = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
  return Math.round(Math.fround(scale * (from[i] ?? 1)));
}

export const blockMove =
  (toDepth: boolean): Infer =>
  (node, inputs) => {
    const { type, shape } = first(inputs);
    const block = intAttribute(node, 'blocksize', 1);
    const grow = toDepth ? multiplyDims : divideDims;
    const shrink = toDepth ? divideDims : multiplyDims;
    return facts(
      type,
      shape && shape.map((dim, i) => (i === 0 ? dim : i === 1 ? grow(dim, block * block) : shrink(dim, block))),
    );
  };

/** Col2Im: the channels that are left when each takes as many columns as its window has places, and the given image. */
export const col2im: Infer = (_node, inputs) => {
  const [batch = null, columns = null] = shapeOf(inputs, 0) ?? [];
  const [image, block] = [inputs[1]?.elements, inputs[2]?.elements];
  return facts(
    first(inputs).type,
    image && block ? [batch, divideDims(columns, multiplyDims(...block)), ...image] : null,
  );
};
