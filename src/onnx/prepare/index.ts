import type { OnnxModel } from '../model';
import { foldBranches } from './fold-branches';
import { inlineFunctions } from './inline-functions';
import { orderNodes } from './order';
import { upgradeOpset } from './upgrade';
import { widenHalves } from './widen';

/** What becomes of float16 and bfloat16: computed in float32, or left as stored. */
export type Halves = 'widen' | 'keep';

/**
 * One form for the graphs of all exporters, so that gradient rules are written once: nodes in order, no local functions, no
 * `If` whose condition is known, operator set 21 or later, and (unless they are kept) float32 in place of float16 and
 * bfloat16, ports included. Nodes that need nothing are shared with the given model, and so are the weights.
 */
export function prepareModel(model: OnnxModel, halves: Halves = 'widen'): OnnxModel {
  const plain = foldBranches(upgradeOpset(inlineFunctions(orderNodes(model))));
  return halves === 'widen' ? widenHalves(plain) : plain;
}
