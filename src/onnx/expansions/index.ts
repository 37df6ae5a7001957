import { GraphBuilder } from '../builder';
import type { NodeProto } from '../generated/onnx_pb';
import { operatorName, type OnnxModel } from '../model';
import { Operation } from '../rules/rule';

/**
 * Writes a composite operator as primitive ones, each of which has a gradient rule; returns the values that stand for
 * the node's outputs, in order (undefined for outputs that nothing reads).
 */
export type Expansion = (operation: Operation) => (string | undefined)[];

/** Expansions by operator, with its domain where that is not the default one: `Attention`, `com.microsoft.QuickGelu`. */
export type ExpansionTable = Readonly<Record<string, Expansion>>;

const expansions: ExpansionTable = {};

export function expansionFor(node: NodeProto): Expansion | undefined {
  const name = operatorName(node);
  return Object.hasOwn(expansions, name) ? expansions[name] : undefined;
}

/** The same model with the given composite nodes written out. Values keep their names. */
export function expandNodes(model: OnnxModel, chosen: ReadonlySet<NodeProto>): OnnxModel {
  const b = new GraphBuilder(model);
  b.includeInputs(model.graph);
  b.includeValues(model.graph);
  for (const node of model.graph.node) {
    const expand = chosen.has(node) ? expansionFor(node) : undefined;
    if (expand === undefined) {
      b.addNode(node);
      continue;
    }
    const results = expand(new Operation(b, node));
    node.output.forEach((name, i) => {
      const value = results[i];
      if (name !== '' && value !== undefined) b.alias(value, name);
    });
  }
  for (const output of model.graph.output) b.addOutputPort(output);
  return b.build(model.label);
}
