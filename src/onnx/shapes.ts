import { intAttribute, intsAttribute, stringAttribute, tensorAttribute } from './attributes';
import {
  addDims,
  broadcastDim,
  broadcastShapes,
  divideDims,
  multiplyDims,
  normaliseAxis,
  type Dim,
  type Shape,
} from './dims';
import { DataType, isFloat } from './dtype';
import { einsumLabels } from './einsum';
import type { NodeProto, TensorProto } from './generated/onnx_pb';
import { isDefaultDomain } from './model';
import { constantNodeTensor, decodeSmall } from './tensors';

/** What is known of a value before the graph runs. */
export interface ValueFacts {
  /** `UNDEFINED` when unknown. */
  readonly type: DataType;
  /** null when the rank is unknown */
  readonly shape: Shape | null;
  /**
   * The elements, where they are constants or sizes (a `Shape` of a value with a dynamic batch gives
   * `['batch', 3, 8, 8]`). Exporters compute most reshape targets in the graph, and this follows them.
   */
  readonly elements?: readonly Dim[];
}

export const unknownFacts: ValueFacts = { type: DataType.UNDEFINED, shape: null };

export function tensorFacts(tensor: TensorProto): ValueFacts {
  const elements = decodeSmall(tensor);
  return { type: tensor.dataType, shape: tensor.dims.map(Number), ...(elements && { elements }) };
}

/** The elements as numbers, when all are. */
export function constantElements(facts: ValueFacts): number[] | undefined {
  return facts.elements?.every((element) => typeof element === 'number') ? [...facts.elements] : undefined;
}

type Inputs = readonly ValueFacts[];
type Infer = (node: NodeProto, inputs: Inputs, opset: number) => ValueFacts[];

/**
 * Facts about a node's outputs, one for each; `unknownFacts` where no rule reaches. This is no full shape inference:
 * it covers what gradient rules ask for, and every rule must cope with an unknown dimension.
 */
export function inferNode(node: NodeProto, inputs: Inputs, opset: number): ValueFacts[] {
  const infer = isDefaultDomain(node.domain) ? inferences[node.opType] : undefined;
  const facts = infer?.(node, inputs, opset) ?? [];
  return node.output.map((_, i) => facts[i] ?? unknownFacts);
}

const first = (inputs: Inputs): ValueFacts => inputs[0] ?? unknownFacts;
const shapeOf = (inputs: Inputs, i: number): Shape | null => inputs[i]?.shape ?? null;
const constant = (inputs: Inputs, i: number): number[] | undefined => inputs[i] && constantElements(inputs[i]);
const facts = (type: DataType, shape: Shape | null, elements?: readonly Dim[]): ValueFacts[] => [
  { type, shape, ...(elements && { elements }) },
];

const sameAsFirst: Infer = (_node, inputs) => facts(first(inputs).type, first(inputs).shape);
const booleanLikeFirst: Infer = (_node, inputs) => facts(DataType.BOOL, first(inputs).shape);

function broadcast(type: (inputs: Inputs) => DataType): Infer {
  return (_node, inputs) => {
    let shape: Shape | null = [];
    for (const input of inputs) shape = shape && input.shape && broadcastShapes(shape, input.shape);
    return facts(type(inputs), shape);
  };
}

/** Elements of an elementwise result of vectors whose elements are known. */
function followElements(inputs: Inputs, combine: (elements: readonly Dim[]) => Dim): Pick<ValueFacts, 'elements'> {
  const lists = inputs.map((input) => ((input.shape?.length ?? 2) <= 1 ? input.elements : undefined));
  if (lists.some((list) => list === undefined)) return {};
  const length = Math.max(...lists.map((list) => list?.length ?? 0));
  const at = (list: readonly Dim[] | undefined, i: number): Dim => list?.[list.length === 1 ? 0 : i] ?? null;
  return { elements: Array.from({ length }, (_, i) => combine(lists.map((list) => at(list, i)))) };
}

/** Elementwise arithmetic of integers, which also follows sizes. */
function arithmetic(combine: (a: Dim, b: Dim) => Dim): Infer {
  const plain = broadcast((inputs) => first(inputs).type);
  return (node, inputs, opset) => {
    const [result = unknownFacts] = plain(node, inputs, opset);
    if (isFloat(result.type)) return [result];
    return [{ ...result, ...followElements(inputs, ([a = null, b = null]) => combine(a, b)) }];
  };
}

/** Axes from the attribute or, in newer operator sets, from an input; undefined when not constant or absent. */
export function axesOf(node: NodeProto, inputs: Inputs, inputIndex: number): number[] | undefined {
  return intsAttribute(node, 'axes') ?? constant(inputs, inputIndex);
}

const reduce: Infer = (node, inputs) => {
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

const matMul: Infer = (_node, inputs) => {
  const [a, b] = [shapeOf(inputs, 0), shapeOf(inputs, 1)];
  if (a === null || b === null) return facts(first(inputs).type, null);
  const left: Shape = a.length === 1 ? [1, ...a] : a;
  const right: Shape = b.length === 1 ? [...b, 1] : b;
  const shape = [...broadcastShapes(left.slice(0, -2), right.slice(0, -2))];
  if (a.length > 1) shape.push(left.at(-2) ?? null);
  if (b.length > 1) shape.push(right.at(-1) ?? null);
  return facts(first(inputs).type, shape);
};

const gemm: Infer = (node, inputs) => {
  const m = shapeOf(inputs, 0)?.[intAttribute(node, 'transA', 0) ? 1 : 0] ?? null;
  const n = shapeOf(inputs, 1)?.[intAttribute(node, 'transB', 0) ? 0 : 1] ?? null;
  return facts(first(inputs).type, [m, n]);
};

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
    if (typeof size !== 'number') return null;
    if (autoPad !== 'NOTSET') return Math.ceil(size / stride);
    const steps = (size + pad - extent) / stride;
    if (!ceil) return Math.floor(steps) + 1;
    const count = Math.ceil(steps) + 1;
    // A last window that starts in the end padding is dropped.
    return (count - 1) * stride >= size + (pads[i] ?? 0) ? count - 1 : count;
  });
}

/** A static shape as numbers. */
const numbers = (shape: Shape | undefined): number[] | undefined =>
  shape?.every((dim) => typeof dim === 'number') ? [...shape] : undefined;

const conv: Infer = (node, inputs) => {
  const [x, w] = [shapeOf(inputs, 0), shapeOf(inputs, 1)];
  const kernel = intsAttribute(node, 'kernel_shape') ?? numbers(w?.slice(2));
  if (kernel === undefined) return facts(first(inputs).type, null);
  const spatial = x?.slice(2) ?? kernel.map(() => null);
  return facts(first(inputs).type, [x?.[0] ?? null, w?.[0] ?? null, ...windowedDims(node, spatial, kernel)]);
};

const convTranspose: Infer = (node, inputs) => {
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
    if (window.autoPad !== 'NOTSET') return multiplyDims(size, stride);
    const pad = (window.pads[i] ?? 0) + (window.pads[i + kernel.length] ?? 0);
    // s·(n − 1) + p + d·(k − 1) + 1 − pads, which is s·n whenever the rest cancels.
    const rest = (extra?.[i] ?? 0) + (window.dilations[i] ?? 1) * (k - 1) + 1 - pad - stride;
    return rest === 0 ? multiplyDims(size, stride) : typeof size === 'number' ? size * stride + rest : null;
  });
  const group = intAttribute(node, 'group', 1);
  return facts(first(inputs).type, [x?.[0] ?? null, multiplyDims(w?.[1] ?? null, group), ...spatial]);
};

const pool: Infer = (node, inputs) => {
  const { type, shape } = first(inputs);
  const kernel = intsAttribute(node, 'kernel_shape');
  if (shape === null || kernel === undefined) return facts(type, null);
  const result = [...shape.slice(0, 2), ...windowedDims(node, shape.slice(2), kernel)];
  return [
    { type, shape: result },
    { type: DataType.INT64, shape: result },
  ];
};

const globalPool: Infer = (_node, inputs) => {
  const { type, shape } = first(inputs);
  return facts(type, shape && shape.map((dim, i) => (i < 2 ? dim : 1)));
};

const reshape: Infer = (node, inputs) => {
  const { type, shape, elements } = first(inputs);
  const target = inputs[1]?.elements;
  if (target === undefined) {
    const rank = shapeOf(inputs, 1)?.[0];
    return facts(type, typeof rank === 'number' ? Array.from({ length: rank }, () => null) : null);
  }
  const zeroIsZero = intAttribute(node, 'allowzero', 0) === 1;
  const dims = target.map((dim, i): Dim => (dim === 0 && !zeroIsZero ? (shape?.[i] ?? null) : dim));
  const open = dims.indexOf(-1);
  if (open >= 0) {
    const rest = multiplyDims(...dims.filter((_, i) => i !== open));
    dims[open] = shape && divideDims(multiplyDims(...shape), rest);
  }
  return facts(type, dims, dims.length <= 1 ? elements : undefined);
};

const flatten: Infer = (node, inputs) => {
  const { type, shape } = first(inputs);
  if (shape === null) return facts(type, [null, null]);
  const axis = normaliseAxis(intAttribute(node, 'axis', 1), shape.length);
  return facts(type, [multiplyDims(...shape.slice(0, axis)), multiplyDims(...shape.slice(axis))]);
};

const transpose: Infer = (node, inputs) => {
  const { type, shape } = first(inputs);
  const perm = intsAttribute(node, 'perm') ?? shape?.map((_, i) => shape.length - 1 - i);
  return facts(type, perm?.map((axis) => shape?.[axis] ?? null) ?? null);
};

const squeeze: Infer = (node, inputs) => {
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

const unsqueeze: Infer = (node, inputs) => {
  const { type, shape, elements } = first(inputs);
  const given = axesOf(node, inputs, 1);
  if (shape === null || given === undefined) return facts(type, null);
  const rank = shape.length + given.length;
  const axes = new Set(given.map((axis) => normaliseAxis(axis, rank)));
  const rest = [...shape];
  const result = Array.from({ length: rank }, (_, i): Dim => (axes.has(i) ? 1 : (rest.shift() ?? null)));
  return facts(type, result, rank === 1 ? elements : undefined);
};

const concat: Infer = (node, inputs) => {
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

const split: Infer = (node, inputs) => {
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

const slice: Infer = (_node, inputs) => {
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
    else if (!(Math.abs(step) === 1 && Math.abs(end) > 2 ** 31 && start === (step === 1 ? 0 : -1))) result[axis] = null;
  });
  const [start, end, step] = [starts?.[0], ends?.[0], steps?.[0]];
  if (shape.length !== 1 || !elements || start === undefined || end === undefined || step === undefined)
    return facts(type, result);
  const range = sliceRange(elements.length, start, end, step);
  return facts(
    type,
    result,
    Array.from({ length: range.count }, (_, i) => elements[range.start + i * step] ?? null),
  );
};

const gather: Infer = (node, inputs) => {
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

const expand: Infer = (_node, inputs) => {
  const { type, shape } = first(inputs);
  const rank = shapeOf(inputs, 1)?.[0];
  const target =
    inputs[1]?.elements ?? (typeof rank === 'number' ? Array.from({ length: rank }, () => null) : undefined);
  return facts(type, shape && target ? broadcastShapes(shape, target) : null);
};

/** Tracing exporters compare sizes with -1 on the way to an `Expand`; a symbolic size is never negative. */
const equal: Infer = (_node, inputs) => {
  const [result = unknownFacts] = broadcast(() => DataType.BOOL)(_node, inputs, 0);
  return [
    {
      ...result,
      ...followElements(inputs, ([a = null, b = null]) => {
        if (typeof a === 'number' && typeof b === 'number') return Number(a === b);
        const number = typeof a === 'number' ? a : b;
        return typeof number === 'number' && number < 0 && a !== null && b !== null ? 0 : null;
      }),
    },
  ];
};

const where: Infer = (node, inputs, opset) => {
  const [result = unknownFacts] = broadcast((all) => all[1]?.type ?? DataType.UNDEFINED)(node, inputs, opset);
  return [
    {
      ...result,
      ...followElements(inputs, ([condition = null, a = null, b = null]) => {
        if (typeof condition !== 'number') return a === b ? a : null;
        return condition ? a : b;
      }),
    },
  ];
};

const pad: Infer = (node, inputs) => {
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

const resize: Infer = (node, inputs) => {
  const { type, shape } = first(inputs);
  const [scales, sizes] = [constant(inputs, 2), inputs[3]?.elements];
  if (shape === null) return facts(type, null);
  if (intsAttribute(node, 'axes') !== undefined)
    return facts(
      type,
      shape.map(() => null),
    );
  if (sizes && sizes.length > 0) return facts(type, sizes);
  return facts(
    type,
    shape.map((dim, i): Dim => {
      const scale = scales?.[i];
      if (scale === undefined) return null;
      return typeof dim === 'number'
        ? Math.floor(dim * scale)
        : Number.isInteger(scale)
          ? multiplyDims(dim, scale)
          : null;
    }),
  );
};

const blockMove =
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

const shapeNode: Infer = (node, inputs) => {
  const { shape } = first(inputs);
  if (shape === null) return facts(DataType.INT64, [null]);
  const elements = shape.slice(intAttribute(node, 'start', 0), intAttribute(node, 'end', shape.length));
  return facts(DataType.INT64, [elements.length], elements);
};

const constantOfShape: Infer = (node, inputs) => {
  const value = tensorAttribute(node, 'value');
  const shape = inputs[0]?.elements ?? null;
  const fill = value && decodeSmall(value)?.[0];
  const count = shape?.length === 1 ? shape[0] : undefined;
  const elements =
    typeof count === 'number' && count <= 64 ? Array.from({ length: count }, () => fill ?? 0) : undefined;
  return facts(value?.dataType ?? DataType.FLOAT, shape, elements);
};

const tile: Infer = (_node, inputs) => {
  const { type, shape } = first(inputs);
  const repeats = inputs[1]?.elements;
  return facts(type, shape && shape.map((dim, i) => multiplyDims(dim, repeats?.[i] ?? null)));
};

const einsum: Infer = (node, inputs) => {
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

const oneHot: Infer = (node, inputs) => {
  const shape = shapeOf(inputs, 0);
  const depth = inputs[1]?.elements?.[0] ?? null;
  if (shape === null) return facts(inputs[2]?.type ?? DataType.UNDEFINED, null);
  const axis = normaliseAxis(intAttribute(node, 'axis', -1), shape.length + 1);
  return facts(inputs[2]?.type ?? DataType.UNDEFINED, [...shape.slice(0, axis), depth, ...shape.slice(axis)]);
};

const cast: Infer = (node, inputs) => {
  const { shape, elements } = first(inputs);
  const type = intAttribute(node, 'to', 0);
  const truncated = isFloat(type)
    ? elements
    : elements?.map((dim) => (typeof dim === 'number' ? Math.trunc(dim) : dim));
  return facts(type, shape, truncated);
};

const attention: Infer = (_node, inputs) => {
  const [q, v] = [shapeOf(inputs, 0), shapeOf(inputs, 2)];
  return facts(first(inputs).type, q && v && q.length === 4 ? [...q.slice(0, 3), v[3] ?? null] : null);
};

const constantNode: Infer = (node) => {
  const tensor = constantNodeTensor(node);
  return tensor ? [tensorFacts(tensor)] : [];
};

/** Sizes are positive, so integer division of sizes is only followed where it is exact or constant. */
const quotient = (a: Dim, b: Dim): Dim =>
  typeof a === 'number' && typeof b === 'number' ? Math.trunc(a / b) : divideDims(a, b);

const sameTypeOperators =
  'Abs Acos Asin Atan Ceil Celu Clip Cos Cosh CumSum Dropout Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity ' +
  'LayerNormalization InstanceNormalization GroupNormalization RMSNormalization BatchNormalization LpNormalization ' +
  'LeakyRelu Log LogSoftmax Mish Neg Reciprocal Relu Round ScatterElements ScatterND Selu Sigmoid Sign Sin Sinh Softmax ' +
  'Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu Hardmax LRN';

const inferences: Readonly<Record<string, Infer>> = {
  ...Object.fromEntries(sameTypeOperators.split(' ').map((operator) => [operator, sameAsFirst])),
  ...Object.fromEntries(
    'ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum ReduceLogSumExp'
      .split(' ')
      .map((operator) => [operator, reduce]),
  ),
  ...Object.fromEntries(
    'Less LessOrEqual Greater GreaterOrEqual And Or Xor'.split(' ').map((op) => [op, broadcast(() => DataType.BOOL)]),
  ),
  ...Object.fromEntries(
    'Pow PRelu Min Max Mean Sum Mod'.split(' ').map((op) => [op, broadcast((inputs) => first(inputs).type)]),
  ),
  Identity: (_node, inputs) => [first(inputs)],
  Not: booleanLikeFirst,
  IsNaN: booleanLikeFirst,
  IsInf: booleanLikeFirst,
  Add: arithmetic(addDims),
  Sub: arithmetic((a, b) =>
    typeof a === 'number' && typeof b === 'number' ? a - b : b === 0 ? a : a !== null && a === b ? 0 : null,
  ),
  Mul: arithmetic((a, b) => multiplyDims(a, b)),
  Div: arithmetic(quotient),
  Where: where,
  Equal: equal,
  Cast: cast,
  CastLike: (_node, inputs) => facts(inputs[1]?.type ?? DataType.UNDEFINED, first(inputs).shape),
  MatMul: matMul,
  Gemm: gemm,
  Einsum: einsum,
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: gather,
  GatherElements: (_node, inputs) => facts(first(inputs).type, shapeOf(inputs, 1)),
  Expand: expand,
  Pad: pad,
  Tile: tile,
  Resize: resize,
  DepthToSpace: blockMove(false),
  SpaceToDepth: blockMove(true),
  Shape: shapeNode,
  Size: (_node, inputs) => {
    const shape = shapeOf(inputs, 0);
    return facts(DataType.INT64, [], shape ? [multiplyDims(...shape)] : undefined);
  },
  Constant: constantNode,
  ConstantOfShape: constantOfShape,
  Range: (_node, inputs) => facts(first(inputs).type, [null]),
  NonZero: (_node, inputs) => facts(DataType.INT64, [shapeOf(inputs, 0)?.length ?? null, null]),
  OneHot: oneHot,
  ArgMax: (node, inputs, opset) => [{ ...(reduce(node, inputs, opset)[0] ?? unknownFacts), type: DataType.INT64 }],
  Attention: attention,
};
