import { binaryRules } from './binary';
import { col2imRules } from './col2im';
import { convolutionRules } from './convolution';
import { indexingRules } from './indexing';
import { layoutRules } from './layout';
import { matrixRules } from './matrix';
import { normalisationRules } from './normalisation';
import { paddingRules } from './padding';
import { poolingRules } from './pooling';
import { quantisationRules } from './quantisation';
import { reductionRules } from './reduction';
import { resizeRules } from './resize';
import type { Rule, RuleTable } from './rule';
import { unaryRules } from './unary';

/** Every operator that a derivative can pass through. */
export const gradientRules: RuleTable = {
  ...unaryRules,
  ...binaryRules,
  ...matrixRules,
  ...convolutionRules,
  ...col2imRules,
  ...normalisationRules,
  ...layoutRules,
  ...paddingRules,
  ...indexingRules,
  ...quantisationRules,
  ...reductionRules,
  ...poolingRules,
  ...resizeRules,
};

export function ruleFor(operator: string): Rule | undefined {
  return Object.hasOwn(gradientRules, operator) ? gradientRules[operator] : undefined;
}
