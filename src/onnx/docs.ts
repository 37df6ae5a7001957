import { expansionNames } from './expansions';
import { gradientRules } from './rules';
import { zeroGradientOperators } from './rules/unary';

/** docs/operators.md: what the gradient of a model can pass through. */
export function operatorsDocText(): string {
  const list = (names: Iterable<string>): string =>
    [...names]
      .sort()
      .map((name) => `\`${name}\``)
      .join(', ');
  const expanded = expansionNames();
  const contributed = expanded.filter((name) => name.includes('.'));
  const standard = new Set([...Object.keys(gradientRules), ...expanded.filter((name) => !name.includes('.'))]);
  return `# Operators

Made from the tables in \`src/onnx\` by \`node tools/docs.mjs\`.

A gradient passes through these operators of the default domain, at operator sets 9 to 25:

${list(standard)}.

Through these of ONNX Runtime's own domain, as its optimisers write them:

${list(contributed)}.

These end a gradient without being in its way, because they are constant between jumps or make integers:

${list(zeroGradientOperators)}.

Any other operator on the way from an input to an output is refused by name; \`s4s inspect model.onnx\` shows which, where,
and on which path. So is a variant that a rule does not cover. Local functions are written out, an \`If\` is resolved where
its condition follows from constants and sizes, and \`Loop\` and \`Scan\` are refused. Learning goes on without gradients
where there is none: Gauss–Newton needs differences of the network only.
`;
}
