import { subgraphs } from './attributes';
import type { GraphProto, NodeProto } from './generated/onnx_pb';

// Which names a graph, branch or body defines and which it reads from around it.

/** Names that the graph defines itself: its inputs, weights and nodes' outputs, without those of inner graphs. */
export function definedValues(graph: GraphProto): Set<string> {
  const names = new Set<string>();
  for (const value of [...graph.input, ...graph.initializer]) names.add(value.name);
  for (const sparse of graph.sparseInitializer) names.add(sparse.values?.name ?? '');
  for (const node of graph.node) for (const name of node.output) names.add(name);
  names.delete('');
  return names;
}

/** Names that a branch or body reads from the graphs around it. */
export function capturedValues(graph: GraphProto): Set<string> {
  const own = definedValues(graph);
  const captured = new Set<string>();
  for (const name of [...graph.node.flatMap(valuesRead), ...graph.output.map((output) => output.name)]) {
    if (name !== '' && !own.has(name)) captured.add(name);
  }
  return captured;
}

/** All values that a node reads: its inputs and what its branches or body capture. */
export function valuesRead(node: NodeProto): string[] {
  const inner = subgraphs(node);
  return inner.length === 0 ? node.input : [...node.input, ...inner.flatMap((graph) => [...capturedValues(graph)])];
}

/** Names defined by nodes, inside branches and bodies too. */
export function definedByNodes(nodes: readonly NodeProto[]): Set<string> {
  const names = new Set<string>();
  const collect = (each: readonly NodeProto[]) => {
    for (const node of each) {
      for (const name of node.output) names.add(name);
      for (const inner of subgraphs(node)) {
        for (const name of definedValues(inner)) names.add(name);
        collect(inner.node);
      }
    }
  };
  collect(nodes);
  names.delete('');
  return names;
}
