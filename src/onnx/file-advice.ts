import type { NodeProto } from './generated/onnx_pb';
import { operatorName } from './model';

/** Operators that tell how a file was made, by name with domain, and what to do with such a file. */
const makers: readonly (readonly [RegExp, string])[] = [
  [
    /^(com\.microsoft\.)?(QLinear\w+|QGemm|QAttention|\w*MatMulInteger\w*|ConvInteger|DynamicQuantize\w+)$/,
    'the file computes with integers; use the model it was quantised from, quantise that one to the QDQ format, or use a learning method without gradients',
  ],
  [
    /^com\.microsoft\.nchwc\./,
    'ONNX Runtime has arranged this file for one kind of processor; use the model it was made from, or save it with the optimisation level "extended" at most',
  ],
];

/** What to do about an operator that only certain tools write; undefined for others. */
export function fileAdvice(node: NodeProto): string | undefined {
  return makers.find(([operators]) => operators.test(operatorName(node)))?.[1];
}
