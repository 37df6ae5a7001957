import { GraphBuilder } from '../builder';
import type { NodeProto } from '../generated/onnx_pb';
import { guardNode } from '../guard';
import { operatorName, type OnnxModel } from '../model';
import { attempt, raise, type Refusal } from '../refusal';
import { Operation } from '../rules/rule';
import { activationExpansions } from './activation';
import { attentionExpansions } from './attention';
import { contribAttentionExpansions } from './contrib-attention';
import { einsumExpansions } from './einsum';
import type { Expansion, ExpansionTable } from './expansion';
import { fusedExpansions } from './fused';
import { gridSampleExpansions } from './grid-sample';
import { groupNormalizationExpansions } from './group-normalization';
import { normalisationExpansions } from './normalisation';
import { quantisedExpansions } from './quantised';
import { rotaryExpansions } from './rotary';
import { sequenceExpansions } from './sequence';

export type { Expansion, ExpansionTable } from './expansion';

const expansions: ExpansionTable = {
  ...einsumExpansions,
  ...activationExpansions,
  ...attentionExpansions,
  ...contribAttentionExpansions,
  ...fusedExpansions,
  ...gridSampleExpansions,
  ...groupNormalizationExpansions,
  ...normalisationExpansions,
  ...quantisedExpansions,
  ...rotaryExpansions,
  ...sequenceExpansions,
};

/** Names of all operators that have an expansion, with the domain where it is not the default one. */
export function expansionNames(): string[] {
  return Object.keys(expansions);
}

export function expansionFor(node: NodeProto): Expansion | undefined {
  const name = operatorName(node);
  return Object.hasOwn(expansions, name) ? expansions[name] : undefined;
}

/**
 * The same model with the given composite nodes written out. Values keep their names.
 *
 * @param refuse told of variants that cannot be written out; such a node stays as it is if this returns
 */
export function expandNodes(model: OnnxModel, chosen: ReadonlySet<NodeProto>, refuse: Refusal = raise): OnnxModel {
  const b = new GraphBuilder(model);
  b.includeInputs(model.graph);
  b.includeValues(model.graph);
  for (const node of model.graph.node) {
    const expand = chosen.has(node) ? expansionFor(node) : undefined;
    const results =
      expand && attempt(() => guardNode(() => expand(new Operation(b, node)), node, model.label), node, refuse);
    if (results === undefined) {
      b.addNode(node);
      continue;
    }
    node.output.forEach((name, i) => {
      const value = results[i];
      if (name !== '' && value !== undefined) b.alias(value, name);
    });
  }
  for (const output of model.graph.output) b.addOutputPort(output);
  return b.build(model.label);
}
