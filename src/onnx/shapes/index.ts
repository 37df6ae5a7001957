import { intAttribute } from '../attributes';
import { addDims, multiplyDims } from '../dims';
import { DataType } from '../dtype';
import type { NodeProto } from '../generated/onnx_pb';
import { operatorName } from '../model';
import { contribInferences } from './contrib';
import {
  and,
  arithmetic,
  booleanLikeFirst,
  broadcast,
  cast,
  comparison,
  extremum,
  dequantize,
  not,
  or,
  quantize,
  quotient,
  sameAsFirst,
  where,
} from './elementwise';
import { facts, first, shapeOf, unknownFacts, type Infer, type Inputs, type ValueFacts } from './facts';
import {
  compress,
  concat,
  constantNode,
  constantOfShape,
  expand,
  flatten,
  gather,
  gatherND,
  pad,
  range,
  reshape,
  shapeNode,
  slice,
  split,
  squeeze,
  tile,
  topK,
  transpose,
  unsqueeze,
} from './layout';
import { argument, attention, einsum, gemm, layerNormalization, matMul, oneHot, reduce } from './products';
import { blockMove, col2im, conv, convTranspose, globalPool, pool, resize } from './windows';

export { constantElements, sparseFacts, tensorFacts, unknownFacts, type ValueFacts } from './facts';
export { isOpenEnd, sliceRange } from './layout';
export { axesOf } from './products';
export { windowOf, type Window } from './windows';

/**
 * Facts about a node's outputs, one for each; `unknownFacts` where no rule reaches. This is no full shape inference:
 * it covers what gradient rules ask for, and every rule must cope with an unknown dimension.
 */
export function inferNode(node: NodeProto, inputs: Inputs, opset: number): ValueFacts[] {
  const name = operatorName(node);
  const infer = Object.hasOwn(inferences, name) ? inferences[name] : undefined;
  const facts = infer?.(node, inputs, opset) ?? [];
  return node.output.map((_, i) => facts[i] ?? unknownFacts);
}

const sameTypeOperators =
  'Abs Acos Acosh Asin Asinh Atan Atanh Ceil Celu Clip Cos Cosh CumSum Dropout Elu Erf Exp Floor Gelu ' +
  'HardSigmoid HardSwish Identity InstanceNormalization GroupNormalization RMSNormalization BatchNormalization ' +
  'LpNormalization LeakyRelu Log LogSoftmax Mish Neg Reciprocal Relu ReverseSequence Round ScatterElements ' +
  'ScatterND Selu Shrink Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu ' +
  'Trilu Hardmax LRN';

const inferences: Readonly<Record<string, Infer>> = {
  ...Object.fromEntries(sameTypeOperators.split(' ').map((operator) => [operator, sameAsFirst])),
  ...Object.fromEntries(
    'ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum ReduceLogSumExp'
      .split(' ')
      .map((operator) => [operator, reduce]),
  ),
  And: and,
  Or: or,
  Xor: comparison((a, b) => a !== b),
  Less: comparison((a, b) => a < b),
  LessOrEqual: comparison((a, b) => a <= b),
  Greater: comparison((a, b) => a > b),
  GreaterOrEqual: comparison((a, b) => a >= b),
  ...Object.fromEntries('Pow PRelu Mean Sum'.split(' ').map((op) => [op, broadcast((inputs) => first(inputs).type)])),
  Identity: (_node, inputs) => [first(inputs)],
  Not: not,
  IsNaN: booleanLikeFirst,
  IsInf: booleanLikeFirst,
  Max: extremum(Math.max),
  Min: extremum(Math.min),
  Add: arithmetic(addDims),
  Sub: arithmetic((a, b) =>
    typeof a === 'number' && typeof b === 'number' ? a - b : b === 0 ? a : a !== null && a === b ? 0 : null,
  ),
  Mul: arithmetic((a, b) => multiplyDims(a, b)),
  Div: arithmetic(quotient),
  Mod: arithmetic((a, b) => (typeof a === 'number' && typeof b === 'number' && a >= 0 && b > 0 ? a % b : null)),
  Where: where,
  Equal: comparison((a, b) => a === b),
  Cast: cast,
  CastLike: (_node, inputs) => facts(inputs[1]?.type ?? DataType.UNDEFINED, first(inputs).shape),
  LayerNormalization: layerNormalization,
  MatMul: matMul,
  Gemm: gemm,
  Einsum: einsum,
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  Col2Im: col2im,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: gather,
  GatherND: gatherND,
  Compress: compress,
  TopK: topK,
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
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
  EyeLike: (node, inputs) => facts(intAttribute(node, 'dtype', 0) || first(inputs).type, shapeOf(inputs, 0)),
  Range: range,
  NonZero: (_node, inputs) => facts(DataType.INT64, [shapeOf(inputs, 0)?.length ?? null, null]),
  OneHot: oneHot,
  ArgMax: argument,
  ArgMin: argument,
  Attention: attention,
  RotaryEmbedding: sameAsFirst,
  MeanVarianceNormalization: sameAsFirst,
  SimplifiedLayerNormalization: sameAsFirst,
  ...contribInferences,
};
