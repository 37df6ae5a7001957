import { create } from '@bufbuild/protobuf';
import { GraphBuilder } from '../builder';
import { GraphProtoSchema, NodeProtoSchema, type GraphProto, type NodeProto } from '../generated/onnx_pb';
import { isDefaultDomain, type OnnxModel } from '../model';
import { renameValues } from '../rename';
import { revise } from '../revise';
import { constantElements } from '../shapes';
import { definedByNodes, definedValues } from '../scopes';

/**
 * Replaces every `If` whose condition is known before the graph runs by the nodes of the branch it takes. Conditions
 * are mostly questions about sizes (tracing exporters write `x.squeeze(1)` as an `If` on the size of that axis), which
 * the shape facts answer. The rest stays, and so does control flow inside a `Loop`, a `Scan` or a branch that stays.
 */
export function foldBranches(model: OnnxModel): OnnxModel {
  if (!model.graph.node.some(isBranch)) return model;
  const b = new GraphBuilder(model);
  b.includeInputs(model.graph);
  b.includeValues(model.graph);
  const folder = new Folder(b, model.graph);
  for (const node of model.graph.node) folder.place(node);
  for (const output of model.graph.output) b.addOutputPort(output);
  return b.build(model.label);
}

const isBranch = (node: NodeProto): boolean => isDefaultDomain(node.domain) && node.opType === 'If';

class Folder {
  private readonly definitions: ReadonlyMap<string, number>;
  private readonly nodeNames: Set<string>;

  constructor(
    private readonly b: GraphBuilder,
    graph: GraphProto,
  ) {
    this.definitions = definitionCounts(graph);
    this.nodeNames = new Set(graph.node.map((node) => node.name));
    this.nodeNames.delete('');
  }

  place(node: NodeProto): void {
    if (node.name !== '') this.nodeNames.add(node.name);
    const branch = isBranch(node) ? this.branchOf(node) : undefined;
    if (branch === undefined) this.b.addNode(node);
    else this.unfold(node, branch);
  }

  /** The branch that runs, where that is known. */
  private branchOf(node: NodeProto): GraphProto | undefined {
    const condition = constantElements(this.b.factsOf(node.input[0] ?? ''))?.[0];
    if (condition === undefined) return undefined;
    const name = condition === 0 ? 'else_branch' : 'then_branch';
    const branch = node.attribute.find((attribute) => attribute.name === name)?.g;
    return branch && branch.output.length >= node.output.length ? branch : undefined;
  }

  private unfold(node: NodeProto, branch: GraphProto): void {
    const names = new Map<string, string>();
    const made = new Set(branch.node.flatMap((each) => each.output));
    const aliases: { from: string; to: string }[] = [];
    branch.output.forEach(({ name }, i) => {
      const to = node.output[i] ?? '';
      if (to === '') return;
      // What the branch makes gets the name outside; a captured value or a weight has a name of its own already.
      if (made.has(name) && !names.has(name)) names.set(name, to);
      else aliases.push({ from: name, to });
    });
    for (const name of [...definedValues(branch), ...definedByNodes(branch.node)]) {
      // The other branch may use the same names, and so may branches that stay.
      if (names.has(name) || (this.b.isFree(name) && this.definitions.get(name) === 1)) continue;
      names.set(name, this.b.claim(`${node.output.find((output) => output !== '') ?? ''}/${name}`));
    }
    const { initializer, sparseInitializer, valueInfo, node: nodes } = renameValues(branch, names);
    this.b.includeValues(create(GraphProtoSchema, { initializer, sparseInitializer, valueInfo }));
    for (const each of nodes) {
      // Nodes of one graph must differ in name too.
      const name = this.nodeNames.has(each.name) ? this.b.claim(`${node.name}/${each.name}`) : each.name;
      this.place(name === each.name ? each : revise(NodeProtoSchema, each, { name }));
    }
    for (const { from, to } of aliases) {
      const input = [names.get(from) ?? from];
      this.b.addNode(create(NodeProtoSchema, { opType: 'Identity', name: `${node.name}/${to}`, input, output: [to] }));
    }
  }
}

/** How often each name is defined in the graph and its branches. */
function definitionCounts(graph: GraphProto): Map<string, number> {
  const counts = new Map<string, number>();
  const count = (scope: GraphProto) => {
    for (const name of definedValues(scope)) counts.set(name, (counts.get(name) ?? 0) + 1);
    for (const node of scope.node) for (const { g } of node.attribute) if (g) count(g);
  };
  count(graph);
  return counts;
}
