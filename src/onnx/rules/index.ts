import { attentionRules } from './attention';
import { binaryRules } from './binary';
import { convolutionRules } from './convolution';
import { layoutRules } from './layout';
import { matrixRules } from './matrix';
import { normalisationRules } from './normalisation';
import { reductionRules } from './reduction';
import { resamplingRules } from './resampling';
import type { Rule, RuleTable } from './rule';
import { unaryRules } from './unary';

/** Every operator that a derivative can pass through. */
export const gradientRules: RuleTable = {
  ...unaryRules,
  ...binaryRules,
  ...matrixRules,
  ...convolutionRules,
  ...attentionRules,
  ...normalisationRules,
  ...layoutRules,
  ...reductionRules,
  ...resamplingRules,
};

export function ruleFor(operator: string): Rule | undefined {
  return Object.hasOwn(gradientRules, operator) ? gradientRules[operator] : undefined;
}
