import { OnnxError } from '../errors';
import { GraphProtoSchema, ModelProtoSchema, type NodeProto } from '../generated/onnx_pb';
import { describeNode, locate, wrapModel, type OnnxModel } from '../model';
import { revise } from '../revise';
import { valuesRead } from '../scopes';

/**
 * The same model with every node behind those it reads from. ONNX asks for that order, but ONNX Runtime sorts nodes
 * itself, so tools write files without it unnoticed (its float16 converter puts casts at the end). Nodes keep the file's
 * order as far as it goes; a model in order is returned as it is.
 *
 * @throws OnnxError (`invalid-graph`) for nodes that read each other in a circle
 */
export function orderNodes(model: OnnxModel): OnnxModel {
  const { proto, graph, label, weights } = model;
  const makers = new Map<string, NodeProto>();
  for (const node of graph.node) for (const name of node.output) if (name !== '') makers.set(name, node);
  const placed = new Set<NodeProto>();
  const waiting = new Set<NodeProto>();
  for (const node of graph.node) {
    const path = [node];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const next = placed.has(top) ? undefined : missing(top);
      if (next === undefined) {
        placed.add(top);
        waiting.delete(top);
        path.pop();
      } else if (waiting.has(next.maker) || next.maker === top) {
        throw new OnnxError(
          'invalid-graph',
          `${label}: ${describeNode(top)} reads "${next.value}", which is made from what it makes itself; export the model again.`,
          locate(top),
        );
      } else {
        waiting.add(top);
        path.push(next.maker);
      }
    }
  }
  /** A value that the node reads and that is still to be made. */
  function missing(node: NodeProto): { value: string; maker: NodeProto } | undefined {
    for (const value of valuesRead(node)) {
      const maker = makers.get(value);
      if (maker !== undefined && !placed.has(maker)) return { value, maker };
    }
    return undefined;
  }
  const node = [...placed];
  if (node.every((each, i) => each === graph.node[i])) return model;
  const sorted = revise(GraphProtoSchema, graph, { node });
  return wrapModel(revise(ModelProtoSchema, proto, { graph: sorted }), label, weights);
}
