import { create } from '@bufbuild/protobuf';
import { subgraphs } from '../../attributes';
import { GraphBuilder } from '../../builder';
import { DataType } from '../../dtype';
import { OnnxError } from '../../errors';
import {
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
} from '../../generated/onnx_pb';
import { guardNode } from '../../guard';
import { isDefaultDomain, wrapModel, type OnnxModel } from '../../model';
import { renameValues } from '../../rename';
import { revise } from '../../revise';
import { Operation } from '../../rules/rule';
import { capturedValues, definedValues } from '../../scopes';
import { upgrades } from './table';

const oldest = 9;
/** The operator set that rules and expansions are written for; later ones read its nodes the same way. */
const modernOpset = 21;
/** The file format version that goes with it. */
const modernIr = 10n;

/**
 * Brings a model of operator set 9 to 20 to set 21; later ones are returned as they are. Nodes that mean the same in
 * both are shared, and so are all weights. Initialisers that old files list among the inputs are no longer listed.
 *
 * @throws OnnxError (`unsupported-opset`) below 9
 */
export function upgradeOpset(model: OnnxModel): OnnxModel {
  return model.opset >= modernOpset ? model : upgradeNodes(model, new Map());
}

/**
 * As `upgradeOpset`, for a graph into which nodes of other operator sets were put.
 *
 * @param versions the operator set of those nodes
 */
export function upgradeNodes(model: OnnxModel, versions: ReadonlyMap<NodeProto, number>): OnnxModel {
  const { label, proto, opset } = model;
  let version = Math.max(opset, modernOpset);
  for (const used of [opset, ...versions.values()]) {
    version = Math.max(version, used);
    if (used >= oldest) continue;
    throw new OnnxError(
      'unsupported-opset',
      `${label} uses ONNX operator set ${used}; gradients need ${oldest} or later, so export the model with opset_version=17.`,
    );
  }
  const modern = revise(ModelProtoSchema, proto, {
    irVersion: proto.irVersion > modernIr ? proto.irVersion : modernIr,
    opsetImport: [
      create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(version) }),
      ...proto.opsetImport.filter(({ domain }) => !isDefaultDomain(domain)),
    ],
  });
  return new Upgrader(modern, model, (node) => versions.get(node) ?? opset).graph(model.graph).build(label);
}

class Upgrader {
  /**
   * @param modern the message of the new model; only its graph is still the old one
   * @param versionOf the operator set that a node was written for
   */
  constructor(
    private readonly modern: ModelProto,
    private readonly model: OnnxModel,
    private readonly versionOf: (node: NodeProto) => number,
  ) {}

  /** @param around the graph around a branch or body, for the facts of the values it captures */
  graph(graph: GraphProto, around?: GraphBuilder): GraphBuilder {
    const { label, weights } = this.model;
    const b = new GraphBuilder(wrapModel(revise(ModelProtoSchema, this.modern, { graph }), label, weights));
    for (const name of around ? capturedValues(graph) : []) {
      const facts = around?.factsOf(name);
      if (facts && facts.type !== DataType.UNDEFINED) b.addInput(name, facts.type, facts.shape);
    }
    b.includeInputs(graph);
    b.includeValues(graph);
    for (const given of graph.node) {
      const from = this.versionOf(given);
      const node = this.withBodies(b, given);
      const known = isDefaultDomain(node.domain) && Object.hasOwn(upgrades, node.opType);
      const upgrade = known ? upgrades[node.opType] : undefined;
      if (upgrade === undefined || from >= upgrade.until) b.addNode(node);
      else
        for (const each of guardNode(() => upgrade.write(new Operation(b, node), from), node, label)) b.addNode(each);
    }
    for (const output of graph.output) b.addOutputPort(output);
    return b;
  }

  /** The node with its branches or body upgraded. */
  private withBodies(b: GraphBuilder, node: NodeProto): NodeProto {
    const upgraded = new Map(subgraphs(node).map((inner, i) => [inner, this.body(b, node, inner, i)]));
    if ([...upgraded].every(([before, after]) => before === after)) return node;
    return revise(NodeProtoSchema, node, {
      attribute: node.attribute.map((attribute) =>
        revise(AttributeProtoSchema, attribute, {
          ...(attribute.g && { g: upgraded.get(attribute.g) ?? attribute.g }),
          graphs: attribute.graphs.map((graph) => upgraded.get(graph) ?? graph),
        }),
      ),
    });
  }

  private body(b: GraphBuilder, node: NodeProto, inner: GraphProto, index: number): GraphProto {
    const { graph } = this.graph(inner, b).build(this.model.label);
    if (graph.node.length === inner.node.length && graph.node.every((each, i) => each === inner.node[i])) return inner;
    // A new name in a body must differ from those around it too: it is put behind the name of what the node makes.
    const body = revise(GraphProtoSchema, inner, { node: graph.node, initializer: graph.initializer });
    const old = definedValues(inner);
    const path = `${node.output.find((name) => name !== '') ?? ''}/${index}`;
    const fresh = [...definedValues(body)].filter((name) => !old.has(name));
    return renameValues(body, new Map(fresh.map((name) => [name, `${path}/${name}`])));
  }
}
