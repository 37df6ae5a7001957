import { create } from '@bufbuild/protobuf';
import { DataType } from '../dtype';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  TypeProtoSchema,
  TypeProto_TensorSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type ValueInfoProto,
} from '../generated/onnx_pb';
import { wrapModel, type OnnxModel } from '../model';
import { revise } from '../revise';

/**
 * Computes in float32 what the file computes in float16 or bfloat16. Weights stay stored as they are (ONNX Runtime casts
 * them once, when it folds constants); ports become float32.
 *
 * Why the whole graph and not a scaled loss: a cotangent spans more orders of magnitude than float16 has, long sums of
 * small products vanish in it, and ONNX Runtime's CPU provider has no half-precision kernels to be faster with (it
 * casts back and forth around every node, and has no bfloat16 convolution at all).
 */
export function widenHalves(model: OnnxModel): OnnxModel {
  const { proto, graph, label } = model;
  if (!hasHalves(graph)) return model;
  const names = new NameMaker(graph);
  return wrapModel(revise(ModelProtoSchema, proto, { graph: widenGraph(graph, names) }), label, model.weights);
}

const isHalf = (type: number): boolean => type === DataType.FLOAT16 || type === DataType.BFLOAT16;

/** Integer attributes that name an element type. */
const typeAttributes: ReadonlySet<string> = new Set(
  'to dtype output_dtype output_datatype stash_type softmax_precision precision'.split(' '),
);

const namesHalf = (attribute: AttributeProto): boolean =>
  typeAttributes.has(attribute.name) && isHalf(Number(attribute.i));

const holdsHalf = (attribute: AttributeProto): boolean => attribute.t !== undefined && isHalf(attribute.t.dataType);

const subgraphsOf = (attribute: AttributeProto): GraphProto[] => [
  ...(attribute.g ? [attribute.g] : []),
  ...attribute.graphs,
];

function hasHalves(graph: GraphProto): boolean {
  return (
    graph.initializer.some((tensor) => isHalf(tensor.dataType)) ||
    [...graph.input, ...graph.output, ...graph.valueInfo].some((value) => isHalf(elementType(value))) ||
    graph.node.some((node) =>
      node.attribute.some(
        (attribute) => namesHalf(attribute) || holdsHalf(attribute) || subgraphsOf(attribute).some(hasHalves),
      ),
    )
  );
}

function widenGraph(graph: GraphProto, names: NameMaker): GraphProto {
  const casts: NodeProto[] = [];
  const initializer = graph.initializer.map((tensor) => {
    if (!isHalf(tensor.dataType)) return tensor;
    const stored = names.fresh(tensor.name);
    casts.push(castToFloat(stored, tensor.name));
    return revise(TensorProtoSchema, tensor, { name: stored });
  });
  // Old files list weights among the inputs; a value that a node makes must not be one.
  const made = new Set(casts.flatMap((node) => node.output));
  return revise(GraphProtoSchema, graph, {
    initializer,
    input: graph.input.filter(({ name }) => !made.has(name)).map(widenValue),
    output: graph.output.map(widenValue),
    valueInfo: graph.valueInfo.map(widenValue),
    node: [...casts, ...graph.node.flatMap((node) => widenNode(node, names))],
  });
}

/** Constants keep their tensor and are cast; nodes that are told an element type are told another. */
function widenNode(node: NodeProto, names: NameMaker): NodeProto[] {
  if (node.attribute.some(holdsHalf)) {
    const stored = node.output.map((name) => names.fresh(name));
    return [
      revise(NodeProtoSchema, node, { output: stored }),
      ...node.output.map((name, i) => castToFloat(stored[i] ?? '', name)),
    ];
  }
  if (!node.attribute.some((attribute) => namesHalf(attribute) || subgraphsOf(attribute).some(hasHalves)))
    return [node];
  const attribute = node.attribute.map((given) =>
    namesHalf(given)
      ? revise(AttributeProtoSchema, given, { i: BigInt(DataType.FLOAT) })
      : revise(AttributeProtoSchema, given, {
          ...(given.g && { g: widenGraph(given.g, names) }),
          graphs: given.graphs.map((graph) => widenGraph(graph, names)),
        }),
  );
  return [revise(NodeProtoSchema, node, { attribute })];
}

function castToFloat(from: string, to: string): NodeProto {
  return create(NodeProtoSchema, {
    opType: 'Cast',
    name: `${from}_cast`,
    input: [from],
    output: [to],
    attribute: [{ name: 'to', type: AttributeProto_AttributeType.INT, i: BigInt(DataType.FLOAT) }],
  });
}

function elementType(value: ValueInfoProto): number {
  const type = value.type?.value;
  return type?.case === 'tensorType' ? type.value.elemType : DataType.UNDEFINED;
}

function widenValue(value: ValueInfoProto): ValueInfoProto {
  const type = value.type?.value;
  if (value.type === undefined || type?.case !== 'tensorType' || !isHalf(type.value.elemType)) return value;
  const tensor = revise(TypeProto_TensorSchema, type.value, { elemType: DataType.FLOAT });
  return revise(ValueInfoProtoSchema, value, {
    type: revise(TypeProtoSchema, value.type, { value: { case: 'tensorType', value: tensor } }),
  });
}

/** Names that no value or node of the graph and its subgraphs has. */
class NameMaker {
  private readonly used = new Set<string>();

  constructor(graph: GraphProto) {
    this.collect(graph);
  }

  fresh(base: string): string {
    let name = `s4s_half_${base}`;
    for (let i = 2; this.used.has(name); i++) name = `s4s_half_${base}_${i}`;
    this.used.add(name);
    return name;
  }

  private collect(graph: GraphProto): void {
    for (const { name } of [...graph.initializer, ...graph.input]) this.used.add(name);
    for (const node of graph.node) {
      for (const name of [node.name, ...node.output]) this.used.add(name);
      for (const attribute of node.attribute) for (const inner of subgraphsOf(attribute)) this.collect(inner);
    }
  }
}
