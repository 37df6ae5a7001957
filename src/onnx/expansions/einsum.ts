import { stringAttribute } from '../attributes';
import { contract, einsumLabels } from '../einsum';
import type { ExpansionTable } from './expansion';

/** An Einsum as a permutation or a MatMul where it is one (attention is written so), else as it was. */
export const einsumExpansions: ExpansionTable = {
  Einsum: ({ b, node }) => {
    const equation = stringAttribute(node, 'equation', '');
    const labels = einsumLabels(
      equation,
      node.input.map((name) => b.shapeOf(name)?.length),
    );
    if (labels === undefined) return [b.emit('Einsum', node.input, { equation })];
    const terms = labels.operands.map((operand, i) => ({ labels: operand, value: node.input[i] ?? '' }));
    return [contract(b, terms, labels.output)];
  },
};
