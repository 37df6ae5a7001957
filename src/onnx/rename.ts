import { revise } from './revise';
import {
  AttributeProtoSchema,
  GraphProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
} from './generated/onnx_pb';

/** The same graph with values renamed, inside the branches of control flow too. */
export function renameValues(graph: GraphProto, names: ReadonlyMap<string, string>): GraphProto {
  const rename = (name: string): string => names.get(name) ?? name;
  const named = <T extends { name: string }>(values: readonly T[], copy: (value: T) => T): T[] =>
    values.map((value) => (names.has(value.name) ? copy(value) : value));
  return revise(GraphProtoSchema, graph, {
    node: graph.node.map((node) => renameNode(node, names, rename)),
    initializer: named(graph.initializer, (tensor) => revise(TensorProtoSchema, tensor, { name: rename(tensor.name) })),
    input: named(graph.input, (value) => revise(ValueInfoProtoSchema, value, { name: rename(value.name) })),
    output: named(graph.output, (value) => revise(ValueInfoProtoSchema, value, { name: rename(value.name) })),
    valueInfo: named(graph.valueInfo, (value) => revise(ValueInfoProtoSchema, value, { name: rename(value.name) })),
  });
}

function renameNode(node: NodeProto, names: ReadonlyMap<string, string>, rename: (name: string) => string): NodeProto {
  const hasSubgraph = node.attribute.some((attribute) => attribute.g !== undefined || attribute.graphs.length > 0);
  if (!hasSubgraph && ![...node.input, ...node.output].some((name) => names.has(name))) return node;
  return revise(NodeProtoSchema, node, {
    input: node.input.map(rename),
    output: node.output.map(rename),
    attribute: hasSubgraph ? node.attribute.map((attribute) => renameAttribute(attribute, names)) : node.attribute,
  });
}

function renameAttribute(attribute: AttributeProto, names: ReadonlyMap<string, string>): AttributeProto {
  if (attribute.g === undefined && attribute.graphs.length === 0) return attribute;
  return revise(AttributeProtoSchema, attribute, {
    ...(attribute.g && { g: renameValues(attribute.g, names) }),
    graphs: attribute.graphs.map((graph) => renameValues(graph, names)),
  });
}
