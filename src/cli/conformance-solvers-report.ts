import type { GroupResult } from '../conformance/folder';
import { tolerances, type Compared } from '../conformance/run-case';

/** One line for a file with its worst errors, and one for each case that fails. */
export function groupLines({ name, problem, cases }: GroupResult): string[] {
  if (problem !== null) return [`${name}  FAIL: ${problem}`];
  const passed = cases.filter((result) => result.passed).length;
  const worst = compared
    .map((what) => [what, cases.flatMap(({ errors }) => errors[what] ?? [])] as const)
    .filter(([, errors]) => errors.length > 0)
    .map(([what, errors]) => `${what} ${Math.max(...errors).toExponential(1)}`);
  return [
    [name.padEnd(28), `${passed} of ${cases.length}`.padEnd(12), worst.join('  ')].join('').trimEnd(),
    ...cases
      .filter((result) => !result.passed)
      .map(({ id, errors, problem: why }) => {
        const off = compared
          .filter((what) => errors[what] !== undefined && !(errors[what] <= tolerances[what]))
          .map((what) => `${what} ${errors[what]?.toExponential(1)} (allowed ${tolerances[what].toExponential(0)})`);
        return `  FAIL ${id}: ${why ?? off.join(', ')}`;
      }),
  ];
}

const compared = Object.keys(tolerances) as Compared[];
