import { intAttribute, intsAttribute } from '../attributes';
import { addDims, divideDims, multiplyDims, type Dim, type Shape } from '../dims';
import type { NodeProto } from '../generated/onnx_pb';
import { dequantize, quantize, sameAsFirst } from './elementwise';
import { facts, first, shapeOf, unknownFacts, type Infer } from './facts';
import { gemm, matMul } from './products';
import { conv } from './windows';

// ONNX Runtime's own operators (domain com.microsoft), as its optimisers write them.

/** The last dimension is replaced. */
const lastDim =
  (size: (shape: Shape, node: NodeProto) => Dim): Infer =>
  (node, inputs) => {
    const { type, shape } = first(inputs);
    return facts(type, shape && [...shape.slice(0, -1), size(shape, node)]);
  };

/** Normalised values, statistics of which only the type would be known, and the sum that was normalised. */
const skipNorm: Infer = (_node, inputs) => {
  const same = { type: first(inputs).type, shape: first(inputs).shape };
  return [same, unknownFacts, unknownFacts, same];
};

const fusedMatMul: Infer = (node, inputs, opset) => {
  const factor = (index: number, name: 'A' | 'B') => {
    const { type, shape } = inputs[index] ?? unknownFacts;
    if (shape === null || shape.length < 2) return { type, shape };
    const moved = intAttribute(node, `transBatch${name}`, 0)
      ? [...shape.slice(1, -1), shape[0] ?? null, shape.at(-1) ?? null]
      : shape;
    const [rows = null, columns = null] = moved.slice(-2);
    return { type, shape: intAttribute(node, `trans${name}`, 0) ? [...moved.slice(0, -2), columns, rows] : moved };
  };
  return matMul(node, [factor(0, 'A'), factor(1, 'B')], opset);
};

/** Channels behind the image to channels before it. */
const toFront = (shape: Shape | null): Shape | null =>
  shape && [shape[0] ?? null, shape.at(-1) ?? null, ...shape.slice(1, -1)];

/** A convolution with the channels behind the image, and behind the kernel too where `weightLast`. */
const convLast =
  (weightLast: boolean): Infer =>
  (node, inputs, opset) => {
    const [x = unknownFacts, w = unknownFacts] = inputs;
    const front = { type: x.type, shape: toFront(x.shape) };
    const weight = { type: w.type, shape: weightLast ? toFront(w.shape) : w.shape };
    const [y = unknownFacts] = conv(node, [front, weight], opset);
    return facts(y.type, y.shape && [y.shape[0] ?? null, ...y.shape.slice(2), y.shape[1] ?? null]);
  };

/** [batch, length, hidden size of the values], and the present state with the heads in front. */
const attention: Infer = (node, inputs) => {
  const { type, shape } = first(inputs);
  const width = shapeOf(inputs, 1)?.[1] ?? null;
  const hidden = intsAttribute(node, 'qkv_hidden_sizes')?.[2] ?? divideDims(width, 3);
  const [batch = null, length = null] = shape ?? [];
  const heads = intAttribute(node, 'num_heads', 1);
  return [
    { type, shape: [batch, length, hidden] },
    { type, shape: [2, batch, heads, length, divideDims(hidden, heads)] },
  ];
};

/** Queries [batch, length, hidden] or packed [batch, length, heads, 3, size]; keys also packed, or with the heads in front. */
const multiHead: Infer = (node, inputs) => {
  const { type, shape: query } = first(inputs);
  const [key, value, past] = [shapeOf(inputs, 1), shapeOf(inputs, 2), shapeOf(inputs, 6)];
  const heads = intAttribute(node, 'num_heads', 1);
  const [batch = null, length = null] = query ?? [];
  const sizeOf = (shape: Shape | null): Dim =>
    shape?.length === 3 ? divideDims(shape[2] ?? null, heads) : (shape?.at(-1) ?? null);
  const querySize = sizeOf(query);
  const valueSize = value ? sizeOf(value) : querySize;
  const fresh = query?.length === 5 ? length : ((key?.length === 4 ? key[2] : key?.[1]) ?? null);
  const total = inputs[6]?.type ? addDims(fresh, past?.[2] ?? null) : fresh;
  const shapes = [
    [batch, length, multiplyDims(valueSize, heads)],
    [batch, heads, total, querySize],
    [batch, heads, total, valueSize],
  ];
  return shapes.map((shape) => ({ type, shape }));
};

const sameShapeOperators = 'BiasAdd BiasGelu FastGelu Gelu QuickGelu GroupNorm RotaryEmbedding';

/** By name with the domain, as `operatorName` spells it. */
export const contribInferences: Readonly<Record<string, Infer>> = Object.fromEntries(
  Object.entries<Infer>({
    ...Object.fromEntries(sameShapeOperators.split(' ').map((operator) => [operator, sameAsFirst])),
    BiasSplitGelu: lastDim((shape) => divideDims(shape.at(-1) ?? null, 2)),
    SkipLayerNormalization: skipNorm,
    SkipSimplifiedLayerNormalization: skipNorm,
    SkipGroupNorm: (_node, inputs) => [first(inputs), first(inputs)],
    FusedMatMul: fusedMatMul,
    TransposeMatMul: fusedMatMul,
    FusedGemm: gemm,
    FusedConv: conv,
    NhwcConv: convLast(true),
    NhwcFusedConv: convLast(false),
    MatMulNBits: lastDim((_shape, node) => intAttribute(node, 'N', 0) || null),
    Attention: attention,
    MultiHeadAttention: multiHead,
    QuantizeLinear: quantize,
    DequantizeLinear: dequantize,
  }).map(([operator, infer]) => [`com.microsoft.${operator}`, infer]),
);
