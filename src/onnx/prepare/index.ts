import type { OnnxModel } from '../model';
import { foldBranches } from './fold-branches';
import { inlineFunctions } from './inline-functions';
import { upgradeOpset } from './upgrade';
import { widenHalves } from './widen';

/**
 * One form for the graphs of all exporters, so that gradient rules are written once: no local functions, no `If` whose
 * condition is known, operator set 21 or later, and float32 in place of float16 and bfloat16 (ports included). Nodes
 * that need nothing are shared with the given model, and so are the weights.
 */
export function prepareModel(model: OnnxModel): OnnxModel {
  return widenHalves(foldBranches(upgradeOpset(inlineFunctions(model))));
}
