import type { GraphBuilder } from '../builder';

// Scaled dot-product attention, Y = softmax(s·Q·Kᵀ + bias)·V, over [batch, heads, length, size].

/** The lowest float32: what ONNX Runtime adds to a masked score. Infinity would make NaN of a row that is all masked. */
export const masked = -3.4028234663852886e38;

export interface AttendOptions {
  /** 1/√(size of a head) where it is left out */
  readonly scale?: number | undefined;
  /** Scores are limited to ±softcap by softcap·tanh(score/softcap); 0 for none. */
  readonly softcap?: number;
  /** Added to the scores after the cap; broadcasts to [batch, heads, queries, keys]. */
  readonly bias?: string | undefined;
  /** Wraps the softmax, to compute it in another type. */
  readonly softmax?: (scores: string) => string;
}

/** @returns the output [batch, heads, queries, size of a value] and what lies on the way to it */
export function attend(b: GraphBuilder, q: string, k: string, v: string, options: AttendOptions) {
  const { softcap = 0, bias, softmax = (scores) => b.emit('Softmax', [scores], { axis: -1 }) } = options;
  const heads = groupHeads(b, q, k);
  // The scale goes to the queries: it is the smaller factor, and its gradient is as cheap.
  const product = b.emit('MatMul', [heads.fold(scaleQueries(b, q, options.scale)), b.transpose(k, [0, 1, 3, 2])]);
  const scores = heads.unfold(product);
  const capped = softcap > 0 ? b.scale(b.emit('Tanh', [b.scale(scores, 1 / softcap)]), softcap) : scores;
  const biased = bias === undefined ? capped : b.add(capped, bias);
  b.assumeShapeOf(biased, scores);
  const weights = softmax(biased);
  return { output: heads.unfold(b.emit('MatMul', [heads.fold(weights), v])), scores, capped, biased, weights };
}

function scaleQueries(b: GraphBuilder, q: string, scale: number | undefined): string {
  const size = b.dimOf(q, 3);
  if (scale !== undefined || typeof size === 'number') return b.scale(q, scale ?? 1 / Math.sqrt(Number(size)));
  const root = b.emit('Sqrt', [b.emit('Cast', [lengthOf(b, q, 3)], { to: b.typeOf(q) })]);
  return b.div(q, root);
}

/**
 * Grouped-query attention: with g times as many query heads as key heads, the g heads that share a key head are
 * folded into its rows, [batch, key heads, g·queries, …], so that keys and values are not repeated.
 */
function groupHeads(b: GraphBuilder, q: string, k: string) {
  const [queryHeads, keyHeads] = [b.dimOf(q, 1), b.dimOf(k, 1)];
  const same = (value: string) => value;
  if (queryHeads !== null && queryHeads === keyHeads) return { fold: same, unfold: same };
  return {
    fold: (value: string) => reshapeTo(b, value, [0, [k, 1], -1, [value, 3]]),
    unfold: (value: string) => reshapeTo(b, value, [0, [q, 1], [q, 2], [value, 3]]),
  };
}

/** A number (as in Reshape: 0 keeps a dimension, −1 is what is left), or the size of an axis of a value. */
type Size = number | readonly [value: string, axis: number];

/** Reshapes by a constant where at most one size is unknown. */
function reshapeTo(b: GraphBuilder, value: string, target: readonly Size[]): string {
  const sizes = target.map((size) => (typeof size === 'number' ? size : b.dimOf(...size)));
  const open = sizes.filter((size) => typeof size !== 'number' || size === -1).length;
  if (open <= 1)
    return b.reshape(
      value,
      sizes.map((size) => (typeof size === 'number' ? size : -1)),
    );
  const parts = target.map((size) =>
    typeof size === 'number' ? b.ints([size]) : b.emit('Shape', [size[0]], { start: size[1], end: size[1] + 1 }),
  );
  return b.emit('Reshape', [value, b.emit('Concat', parts, { axis: 0 })]);
}

/** One dimension of a value, as an int64 scalar. */
export function lengthOf(b: GraphBuilder, value: string, axis: number): string {
  const size = b.dimOf(value, axis);
  return typeof size === 'number'
    ? b.int(size)
    : b.emit('Squeeze', [b.emit('Shape', [value], { start: axis, end: axis + 1 })]);
}

/** [batch, length, heads·size] to [batch, heads, length, size]. */
export function splitHeads(b: GraphBuilder, value: string, heads: number): string {
  return b.transpose(b.reshape(value, [0, 0, heads, -1]), [0, 2, 1, 3]);
}

/** [batch, heads, length, size] to [batch, length, heads·size]. */
export function mergeHeads(b: GraphBuilder, value: string): string {
  return b.reshape(b.transpose(value, [0, 2, 1, 3]), [0, 0, -1]);
}

/** 0, 1, …, n − 1 for the size n of an axis: int64. */
export function positions(b: GraphBuilder, value: string, axis: number): string {
  return b.emit('Range', [b.int(0), lengthOf(b, value, axis), b.int(1)]);
}

/**
 * The conditions i + offset − before ≤ j ≤ i + offset + after under which query i sees key j: boolean,
 * [queries, keys] or broadcast with the offset. Causal order is `after: 0`.
 *
 * @param offset how many keys come before the first query: int64, a scalar or [batch, 1, 1, 1]
 */
export function visible(
  b: GraphBuilder,
  q: string,
  k: string,
  offset: string | undefined,
  { before, after }: { readonly before?: number | undefined; readonly after?: number | undefined },
): string[] {
  if (before === undefined && after === undefined) return [];
  const rows = b.emit('Unsqueeze', [positions(b, q, 2), b.ints([1])]);
  const diagonal = offset === undefined ? rows : b.add(rows, offset);
  const keys = positions(b, k, 2);
  const from = before === undefined ? [] : [b.emit('GreaterOrEqual', [keys, b.sub(diagonal, b.int(before))])];
  const to =
    after === undefined ? [] : [b.emit('LessOrEqual', [keys, after === 0 ? diagonal : b.add(diagonal, b.int(after))])];
  return [...from, ...to];
}

/** Where every condition holds; undefined without conditions. */
export function allOf(b: GraphBuilder, conditions: readonly string[]): string | undefined {
  const [first, ...rest] = conditions;
  return first === undefined ? undefined : rest.reduce((all, condition) => b.emit('And', [all, condition]), first);
}
