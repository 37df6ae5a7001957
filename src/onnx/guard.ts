import { OnnxError } from './errors';
import type { NodeProto } from './generated/onnx_pb';
import { describeNode, locate } from './model';

/**
 * Runs a step that works on one node. Files come from anywhere, and no check foresees everything that can be wrong in
 * one: what fails without a clear reason is refused with the node's name, and the reason stays as the error's `cause`.
 */
export function guardNode<T>(step: () => T, node: NodeProto, label: string): T {
  try {
    return step();
  } catch (error) {
    // A name that is not defined is never the file's fault.
    if (error instanceof OnnxError || error instanceof ReferenceError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const message = `${label}: ${describeNode(node)} cannot be understood (${reason}); export the model again.`;
    throw new OnnxError('invalid-graph', message, locate(node), { cause: error });
  }
}
