import type { GraphBuilder } from './builder';
import type { Dim } from './dims';

export interface EinsumLabels {
  /** One string of one-letter labels for each operand. */
  readonly operands: readonly string[];
  readonly output: string;
}

/**
 * The labels of an Einsum equation, with an implicit output made explicit (labels that occur once, sorted, behind the
 * broadcast axes) and `...` replaced by spare letters, aligned from the right.
 *
 * @param ranks of the operands; needed where the equation has `...`
 * @returns undefined where such a rank is not known, and for an equation that does not fit its operands
 */
export function einsumLabels(equation: string, ranks: readonly (number | undefined)[]): EinsumLabels | undefined {
  const [left = '', explicit] = equation.replaceAll(' ', '').split('->');
  const operands = left.split(',');
  const fits = (labels: string, i: number): boolean => {
    const rank = ranks[i];
    if (labels.includes('...')) return rank === undefined || rank >= labels.length - 3;
    return rank === undefined || rank === labels.length;
  };
  if (operands.length !== ranks.length || !operands.every(fits)) return undefined;
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

/** An operand with its labels, one letter for each axis. */
export interface Term {
  readonly labels: string;
  readonly value: string;
}

/**
 * Emits the contraction of the terms to the output's labels: nothing, a permutation or a MatMul where that is what the
 * labels mean (ONNX Runtime's Einsum is up to twice as slow as its MatMul, and differs between devices), else an Einsum.
 */
export function contract(b: GraphBuilder, terms: readonly Term[], output: string): string {
  const [left, right] = terms;
  if (left && terms.length === 1 && isPermutation(left.labels, output)) return arrange(b, left, output);
  const product = left && right && terms.length === 2 ? matrixProduct(b, left, right, output) : undefined;
  const equation = `${terms.map(({ labels }) => labels).join()}->${output}`;
  return (
    product ??
    b.emit(
      'Einsum',
      terms.map(({ value }) => value),
      { equation },
    )
  );
}

/** A product over one shared label with one free label on each side; labels of both and the output are the batch. */
function matrixProduct(b: GraphBuilder, left: Term, right: Term, output: string): string | undefined {
  if ([left.labels, right.labels].some((labels) => new Set(labels).size < labels.length)) return undefined;
  const kept = (term: Term, other: Term) =>
    [...term.labels].filter((label) => output.includes(label) && !other.labels.includes(label));
  const summed = [...left.labels].filter((label) => !output.includes(label));
  const [rows, columns] = [kept(left, right), kept(right, left)];
  const [k = '', m = '', n = ''] = [summed[0], rows[0], columns[0]];
  const batch = [...output].filter((label) => label !== m && label !== n).join('');
  const isProduct =
    summed.length === 1 &&
    rows.length === 1 &&
    columns.length === 1 &&
    isPermutation(left.labels, batch + m + k) &&
    isPermutation(right.labels, batch + k + n) &&
    maySame(sizeOf(b, left, k), sizeOf(b, right, k));
  if (!isProduct) return undefined;
  if (output.endsWith(n + m)) return matrixProduct(b, right, left, output);
  const value = b.emit('MatMul', [arrange(b, left, batch + m + k), arrange(b, right, batch + k + n)]);
  return arrange(b, { labels: batch + m + n, value }, output);
}

const isPermutation = (labels: string, order: string): boolean =>
  labels.length === order.length &&
  new Set(order).size === order.length &&
  [...order].every((label) => labels.includes(label));

/** A size of one may stand for any: then it is no plain product. */
const maySame = (p: Dim, q: Dim): boolean => typeof p !== 'number' || typeof q !== 'number' || p === q;

const sizeOf = (b: GraphBuilder, { labels, value }: Term, label: string): Dim => b.dimOf(value, labels.indexOf(label));

function arrange(b: GraphBuilder, { labels, value }: Term, order: string): string {
  return b.transpose(
    value,
    [...order].map((label) => labels.indexOf(label)),
  );
}
