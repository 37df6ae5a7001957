export interface EinsumLabels {
  /** One string of one-letter labels for each operand. */
  readonly operands: readonly string[];
  readonly output: string;
}

/**
 * The labels of an Einsum equation, with an implicit output made explicit (labels that occur once, sorted, behind the
 * broadcast axes) and `...` replaced by spare letters, aligned from the right.
 *
 * @param ranks of the operands; needed where the equation has `...`, and undefined there gives undefined
 */
export function einsumLabels(equation: string, ranks: readonly (number | undefined)[]): EinsumLabels | undefined {
  const [left = '', explicit] = equation.replaceAll(' ', '').split('->');
  const operands = left.split(',');
  const letters = [...left.replace(/[^A-Za-z]/g, '')];
  const once = letters.filter((label) => letters.indexOf(label) === letters.lastIndexOf(label)).sort();
  const output = explicit ?? (left.includes('...') ? '...' : '') + once.join('');
  const hidden = operands.map((labels, i) => {
    if (!labels.includes('...')) return 0;
    const rank = ranks[i];
    return rank === undefined ? undefined : rank - (labels.length - 3);
  });
  if (hidden.includes(undefined)) return undefined;
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  const spare = [...alphabet].filter((letter) => !letters.includes(letter)).slice(0, Math.max(...hidden.map(Number)));
  const fill = (labels: string, count: number) => labels.replace('...', spare.slice(spare.length - count).join(''));
  return {
    operands: operands.map((labels, i) => fill(labels, hidden[i] ?? 0)),
    output: fill(output, spare.length),
  };
}
