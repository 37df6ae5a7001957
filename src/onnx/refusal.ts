import { OnnxError } from './errors';
import type { NodeProto } from './generated/onnx_pb';

/** Told of a node that a derivative cannot pass; work goes on behind it unless this throws. */
export type Refusal = (node: NodeProto, error: OnnxError) => void;

export const raise: Refusal = (_node, error) => {
  throw error;
};

/** The step's result, or undefined when the model is refused there and `refuse` lets the work go on. */
export function attempt<T>(step: () => T, node: NodeProto, refuse: Refusal): T | undefined {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    refuse(node, error);
    return undefined;
  }
}
