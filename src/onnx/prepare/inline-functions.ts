import { create } from '@bufbuild/protobuf';
import { subgraphs } from '../attributes';
import { OnnxError } from '../errors';
import {
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type NodeProto,
} from '../generated/onnx_pb';
import { describeNode, isDefaultDomain, locate, wrapModel, type OnnxModel } from '../model';
import { renameValues } from '../rename';
import { revise } from '../revise';
import { definedByNodes, definedValues } from '../scopes';
import { upgradeNodes } from './upgrade';

/** Functions that call each other twice double their nodes with every level; no real model has so many. */
const mostNodes = 250_000;
const deepestCalls = 100;

/**
 * Replaces every call of a model-local function by the function's body (ONNX IR, "Functions"): inputs and outputs by
 * position, attribute references by the call's values or the function's defaults, other values under new names. Bodies
 * of another operator set than the model's bring both to a common later one.
 *
 * @throws OnnxError (`invalid-graph`) for functions that call themselves
 */
export function inlineFunctions(model: OnnxModel): OnnxModel {
  if (model.proto.functions.length === 0) return model;
  const inliner = new Inliner(model);
  inliner.check();
  const graph = inliner.graph(model.graph, []);
  const domains = new Map(model.proto.opsetImport.map((entry) => [entry.domain, entry]));
  for (const entry of model.proto.functions.flatMap((local) => local.opsetImport)) {
    if (isDefaultDomain(entry.domain)) continue;
    const known = domains.get(entry.domain);
    if (known === undefined || known.version < entry.version) domains.set(entry.domain, entry);
  }
  const proto = revise(ModelProtoSchema, model.proto, { graph, functions: [], opsetImport: [...domains.values()] });
  const inlined = wrapModel(proto, model.label, model.weights);
  return inliner.versions.size === 0 ? inlined : upgradeNodes(inlined, inliner.versions);
}

class Inliner {
  /** Operator sets of the nodes that are not written for the model's. */
  readonly versions = new Map<NodeProto, number>();
  private readonly functions: ReadonlyMap<string, FunctionProto>;
  private readonly names: Names;
  private readonly nodeNames: Names;
  private readonly sizes = new Map<FunctionProto, number>();

  constructor(private readonly model: OnnxModel) {
    this.functions = new Map(
      model.proto.functions.map((local) => [key(local.domain, local.name, local.overload), local]),
    );
    this.nodeNames = new Names(model.graph.node.map((node) => node.name));
    this.names = new Names([...definedValues(model.graph), ...definedByNodes(model.graph.node)]);
  }

  /** Counts what the graph will unfold to before it does. */
  check(): void {
    if (this.size(this.model.graph.node, []) > mostNodes) this.refuse(`unfold to more than ${mostNodes} nodes`);
  }

  private refuse(what: string): never {
    throw new OnnxError(
      'invalid-graph',
      `${this.model.label}: its local functions ${what}; export the model without local functions.`,
    );
  }

  private size(nodes: readonly NodeProto[], stack: readonly FunctionProto[]): number {
    let total = nodes.length;
    for (const node of nodes) {
      for (const inner of subgraphs(node)) total += this.size(inner.node, stack);
      const local = this.calledBy(node);
      if (local === undefined) continue;
      if (stack.includes(local)) {
        throw new OnnxError(
          'invalid-graph',
          `${this.model.label}: the function ${local.name} calls itself (by ${describeNode(node)}), which ONNX does not allow; export the model again.`,
          locate(node),
        );
      }
      if (stack.length > deepestCalls) this.refuse(`call each other more than ${deepestCalls} deep`);
      const size = this.sizes.get(local) ?? this.size(local.node, [...stack, local]);
      this.sizes.set(local, size);
      total += size;
    }
    return total;
  }

  private calledBy(node: NodeProto): FunctionProto | undefined {
    return this.functions.get(key(node.domain, node.opType, node.overload));
  }

  /** @param stack the functions whose bodies this graph lies in, outermost first */
  graph(graph: GraphProto, stack: readonly FunctionProto[]): GraphProto {
    return revise(GraphProtoSchema, graph, { node: this.nodes(graph.node, stack) });
  }

  private nodes(nodes: readonly NodeProto[], stack: readonly FunctionProto[]): NodeProto[] {
    const result: NodeProto[] = [];
    for (const node of nodes) {
      const local = this.calledBy(node);
      if (local === undefined) result.push(this.keep(node, stack));
      // One by one: a body may have more nodes than a call takes arguments.
      else for (const inner of this.body(node, local, stack)) result.push(inner);
    }
    return result;
  }

  /** A node that is no call, with the calls in its branches replaced. */
  private keep(given: NodeProto, stack: readonly FunctionProto[]): NodeProto {
    const node =
      subgraphs(given).length === 0
        ? given
        : withAttributes(
            given,
            given.attribute.map((attribute) => mapGraphs(attribute, (inner) => this.graph(inner, stack))),
          );
    const version = stack.at(-1)?.opsetImport.find(({ domain }) => isDefaultDomain(domain))?.version;
    if (version !== undefined && Number(version) !== this.model.opset) this.versions.set(node, Number(version));
    return node;
  }

  private body(call: NodeProto, local: FunctionProto, stack: readonly FunctionProto[]): NodeProto[] {
    const { names, aliases, path } = this.bind(call, local);
    const given = new Map([...local.attributeProto, ...call.attribute].map((attribute) => [attribute.name, attribute]));
    const resolved = local.node.map((node) => resolveReferences(node, given));
    const renamed = renameValues(create(GraphProtoSchema, { node: resolved }), names).node.map((node) =>
      revise(NodeProtoSchema, node, { name: node.name === '' ? '' : this.nodeNames.claim(`${path}/${node.name}`) }),
    );
    return this.nodes([...renamed, ...aliases], [...stack, local]);
  }

  /** The names that a function's values get at one call, and nodes for outputs that have a name already. */
  private bind(call: NodeProto, local: FunctionProto) {
    const path = call.name !== '' ? call.name : (call.output.find((name) => name !== '') ?? local.name);
    const names = new Map(local.input.map((name, i) => [name, call.input[i] ?? '']));
    const aliases: NodeProto[] = [];
    local.output.forEach((name, i) => {
      const output = call.output[i] ?? '';
      if (output === '') return;
      const known = names.get(name);
      if (known === undefined) names.set(name, output);
      else aliases.push(create(NodeProtoSchema, { opType: 'Identity', input: [known], output: [output] }));
    });
    for (const name of definedByNodes(local.node))
      if (!names.has(name)) names.set(name, this.names.claim(`${path}/${name}`));
    return { names, aliases, path };
  }
}

class Names {
  private readonly taken: Set<string>;
  /** The number behind the next one that wants a name which is taken: equal wishes do not search again. */
  private readonly numbers = new Map<string, number>();

  constructor(taken: readonly string[]) {
    this.taken = new Set(taken);
  }

  /** The wanted name, or the first free one with a number behind it. */
  claim(wanted: string): string {
    let name = wanted;
    let number = this.numbers.get(wanted) ?? 2;
    while (this.taken.has(name)) name = `${wanted}_${number++}`;
    this.numbers.set(wanted, number);
    this.taken.add(name);
    return name;
  }
}

function key(domain: string, name: string, overload: string): string {
  return JSON.stringify([isDefaultDomain(domain) ? '' : domain, name, overload]);
}

/** The node with references to the function's attributes replaced; one that refers to nothing is left out. */
function resolveReferences(node: NodeProto, given: ReadonlyMap<string, AttributeProto>): NodeProto {
  if (!node.attribute.some(({ refAttrName, g, graphs }) => refAttrName !== '' || g || graphs.length > 0)) return node;
  const attributes = node.attribute.flatMap((attribute) => {
    const inner = (graph: GraphProto): GraphProto =>
      revise(GraphProtoSchema, graph, { node: graph.node.map((each) => resolveReferences(each, given)) });
    if (attribute.refAttrName === '') return [mapGraphs(attribute, inner)];
    const value = given.get(attribute.refAttrName);
    return value === undefined ? [] : [revise(AttributeProtoSchema, value, { name: attribute.name })];
  });
  return withAttributes(node, attributes);
}

function withAttributes(node: NodeProto, attribute: AttributeProto[]): NodeProto {
  return revise(NodeProtoSchema, node, { attribute });
}

function mapGraphs(attribute: AttributeProto, change: (graph: GraphProto) => GraphProto): AttributeProto {
  if (attribute.g === undefined && attribute.graphs.length === 0) return attribute;
  return revise(AttributeProtoSchema, attribute, {
    ...(attribute.g && { g: change(attribute.g) }),
    graphs: attribute.graphs.map(change),
  });
}
