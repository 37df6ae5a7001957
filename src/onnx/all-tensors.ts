import type { GraphProto, ModelProto, NodeProto, TensorProto } from './generated/onnx_pb';

/** A stored tensor and a name for it: its own, or the value that the `Constant` node around it makes. */
export interface StoredTensor {
  readonly tensor: TensorProto;
  readonly name: string;
}

/** Every tensor of a model: weights, attributes, branches and local functions included. */
export function* allTensors(model: ModelProto): Generator<StoredTensor> {
  if (model.graph) yield* graphTensors(model.graph);
  for (const { node } of model.functions) yield* nodeTensors(node);
}

function* graphTensors(graph: GraphProto): Generator<StoredTensor> {
  for (const tensor of graph.initializer) yield { tensor, name: tensor.name };
  for (const { values, indices } of graph.sparseInitializer) {
    for (const tensor of [values, indices]) if (tensor) yield { tensor, name: tensor.name };
  }
  yield* nodeTensors(graph.node);
}

function* nodeTensors(nodes: readonly NodeProto[]): Generator<StoredTensor> {
  for (const node of nodes) {
    for (const attribute of node.attribute) {
      const sparse = [attribute.sparseTensor, ...attribute.sparseTensors];
      const inside = [attribute.t, ...attribute.tensors, ...sparse.flatMap((all) => [all?.values, all?.indices])];
      for (const tensor of inside) if (tensor) yield { tensor, name: tensor.name || (node.output[0] ?? '') };
      for (const graph of [attribute.g, ...attribute.graphs]) if (graph) yield* graphTensors(graph);
    }
  }
}
