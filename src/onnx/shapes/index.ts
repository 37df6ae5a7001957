import { addDims, multiplyDims } from '../dims';
import { DataType } from '../dtype';
import type { NodeProto } from '../generated/onnx_pb';
import { isDefaultDomain } from '../model';
import { arithmetic, booleanLikeFirst, broadcast, cast, equal, quotient, sameAsFirst, where } from './elementwise';
import { facts, first, shapeOf, unknownFacts, type Infer, type Inputs, type ValueFacts } from './facts';
import {
  concat,
  constantNode,
  constantOfShape,
  expand,
  flatten,
  gather,
  pad,
  reshape,
  shapeNode,
  slice,
  split,
  squeeze,
  tile,
  transpose,
  unsqueeze,
} from './layout';
import { attention, einsum, gemm, matMul, oneHot, reduce } from './products';
import { blockMove, conv, convTranspose, globalPool, pool, resize } from './windows';

export { constantElements, tensorFacts, unknownFacts, type ValueFacts } from './facts';
export { sliceRange } from './layout';
export { axesOf } from './products';
export { windowOf, type Window } from './windows';

/**
 * Facts about a node's outputs, one for each; `unknownFacts` where no rule reaches. This is no full shape inference:
 * it covers what gradient rules ask for, and every rule must cope with an unknown dimension.
 */
export function inferNode(node: NodeProto, inputs: Inputs, opset: number): ValueFacts[] {
  const known = isDefaultDomain(node.domain) && Object.hasOwn(inferences, node.opType);
  const infer = known ? inferences[node.opType] : undefined;
  const facts = infer?.(node, inputs, opset) ?? [];
  return node.output.map((_, i) => facts[i] ?? unknownFacts);
}

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
