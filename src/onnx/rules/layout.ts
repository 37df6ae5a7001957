import { intAttribute, intsAttribute, stringAttribute } from '../attributes';
import type { GraphBuilder } from '../builder';
import { multiplyDims, normaliseAxis } from '../dims';
import { sliceRange } from '../shapes';
import { unbroadcast } from './broadcast';
import type { Rule, RuleTable, Site } from './rule';

const intMax = 2n ** 63n - 1n;

/** Reshape, Flatten, Squeeze, Unsqueeze: the same elements in the same order. */
const sameElements: Rule = (site) => [site.b.reshapeLike(site.g, site.x())];

const transpose: Rule = (site) => {
  const rank = site.rank();
  const perm = intsAttribute(site.node, 'perm') ?? [...Array(rank).keys()].reverse();
  return [
    site.b.transpose(
      site.g,
      perm.map((_, axis) => perm.indexOf(axis)),
    ),
  ];
};

/** Each input's cotangent is its section of the output's. */
const concat: Rule = (site) => {
  const { b, node } = site;
  const axis = site.axis(intAttribute(node, 'axis', 0));
  const sizes = node.input.map((input) => b.dimOf(input, axis));
  return node.input.map((input, index) => {
    if (!site.wants(index)) return undefined;
    if (sizes.slice(0, index + 1).every((size) => typeof size === 'number')) {
      const start = sizes.slice(0, index).reduce<number>((sum, size) => sum + Number(size), 0);
      return section(b, site.g, input, b.ints([start]), b.ints([start + Number(sizes[index])]), axis);
    }
    const starts = node.input.slice(0, index).map((other) => sizeAlong(b, other, axis));
    const start = starts.length === 0 ? b.ints([0]) : starts.reduce(b.add);
    return section(b, site.g, input, start, b.add(start, sizeAlong(b, input, axis)), axis);
  });
};

function section(b: GraphBuilder, value: string, like: string, start: string, end: string, axis: number): string {
  const result = b.emit('Slice', [value, start, end, b.ints([axis])]);
  b.assumeShapeOf(result, like);
  return result;
}

/** A dimension as an int64 vector with one element. */
function sizeAlong(b: GraphBuilder, value: string, axis: number): string {
  return b.emit('Gather', [b.shape(value), b.ints([axis])]);
}

const split: Rule = (site) => {
  const { b, node } = site;
  const parts = node.output.map((_, index) => site.cotangent(index));
  return [b.emit('Concat', parts, { axis: intAttribute(node, 'axis', 0) })];
};

/**
 * The adjoint of cutting a section out is padding with zeros. One axis at a time: reverse for a negative step, spread
 * by zeros for a step above one, then pad to the axis' size. Bounds may be computed in the graph when the step is ±1.
 */
const slice: Rule = (site) => {
  const { b } = site;
  const rank = site.rank();
  const count = site.constant(1)?.length ?? b.dimOf(site.x(1), 0);
  const axes = site.has(3) ? site.constant(3) : [...Array(Number(count)).keys()];
  const steps = site.has(4) ? site.constant(4) : axes?.map(() => 1);
  if (axes === undefined || steps === undefined) return site.onlyIf('its axes and steps are constants');
  return [
    axes.reduce((gradient, given, i) => {
      const axis = normaliseAxis(given, rank);
      return unslice(site, gradient, axis, steps[i] ?? 1, site.constant(1)?.[i], site.constant(2)?.[i], i);
    }, site.g),
  ];
};

function unslice(
  site: Site,
  gradient: string,
  axis: number,
  step: number,
  start: number | undefined,
  end: number | undefined,
  bound: number,
): string {
  const { b } = site;
  const size = b.dimOf(site.x(), axis);
  const forwards = step < 0 ? reverse(b, gradient, axis) : gradient;
  const stride = Math.abs(step);
  if (typeof size === 'number' && start !== undefined && end !== undefined) {
    const range = sliceRange(size, start, end, step);
    if (range.count === 0) return b.fullLike(site.x());
    const lowest = step < 0 ? range.start + (range.count - 1) * step : range.start;
    const spread = stride === 1 ? forwards : spreadOut(b, forwards, axis, stride);
    return padAxis(b, spread, axis, lowest, size - lowest - range.count * stride);
  }
  if (stride !== 1) return site.onlyIf('its step is 1 or -1 or the size of its axis is fixed');
  if (Math.abs(end ?? 0) > 2 ** 31 && start === (step > 0 ? 0 : -1)) return forwards;
  // The same slice of 0, 1, 2, … tells which indices were taken.
  const length = sizeAlong(b, site.x(), axis);
  const every = b.emit('Range', [b.int(0), b.emit('Squeeze', [length]), b.int(1)]);
  const pick = (input: number) => b.emit('Slice', [site.x(input), b.ints([bound]), b.ints([bound + 1]), b.ints([0])]);
  const taken = b.emit('Slice', [every, pick(1), pick(2), b.ints([0]), b.ints([step])]);
  const lowest = b.emit('ReduceMin', [taken], { keepdims: 1 });
  const above = b.sub(b.sub(length, lowest), b.shape(taken));
  const rank = b.rankOf(gradient);
  const zeros = (n: number) => (n > 0 ? [b.ints(Array<number>(n).fill(0))] : []);
  const pads = [...zeros(axis), lowest, ...zeros(rank - 1), above, ...zeros(rank - 1 - axis)];
  return b.emit('Pad', [forwards, b.emit('Concat', pads, { axis: 0 })]);
}

function reverse(b: GraphBuilder, value: string, axis: number): string {
  return b.emit('Slice', [value, b.ints([-1]), b.ints([-(2n ** 63n)]), b.ints([axis]), b.ints([-1])]);
}

/** Puts stride − 1 zeros behind every element along the axis. */
function spreadOut(b: GraphBuilder, value: string, axis: number, stride: number): string {
  const dims = b.shapeOf(value) ?? [];
  const target = dims.map((dim, i) => {
    const grown = i === axis ? multiplyDims(dim, stride) : dim;
    return typeof grown === 'number' ? grown : i < axis ? 0 : -1;
  });
  const column = b.emit('Unsqueeze', [value, b.ints([axis + 1])]);
  return b.reshape(padAxis(b, column, axis + 1, 0, stride - 1), target);
}

/** Zeros before and after; a negative count cuts off instead. */
export function padAxis(b: GraphBuilder, value: string, axis: number, before: number, after: number): string {
  if (before === 0 && after === 0) return value;
  const rank = b.rankOf(value);
  const pads = Array<number>(2 * rank).fill(0);
  pads[axis] = before;
  pads[rank + axis] = after;
  return b.emit('Pad', [value, b.ints(pads)]);
}

/** Constant padding: cut it off again (or pad, where the forward node cuts). */
const pad: Rule = (site) => {
  const { b, node } = site;
  if (stringAttribute(node, 'mode', 'constant') !== 'constant') site.onlyIf('its mode is "constant"');
  site.requireConstant(2, 'fill value');
  const amounts = site.constant(1);
  const axes = site.has(3) ? site.constant(3) : undefined;
  if (site.has(3) && axes === undefined) return site.onlyIf('its axes are constants');
  if (amounts === undefined || amounts.some((amount) => amount < 0)) {
    return [b.emit('Pad', [site.g, b.neg(site.x(1)), undefined, site.has(3) ? site.x(3) : undefined])];
  }
  const n = amounts.length / 2;
  const ends = amounts.slice(n).map((amount) => (amount === 0 ? intMax : -amount));
  const along = b.ints((axes ?? [...Array(n).keys()]).map((axis) => site.axis(axis)));
  return [b.emit('Slice', [site.g, b.ints(amounts.slice(0, n)), b.ints(ends), along])];
};

const expand: Rule = (site) => [unbroadcast(site.b, site.g, site.x())];

/** Tile repeats whole axes: [d] becomes [r·d], so the cotangent is summed over r of [r, d]. */
const tile: Rule = (site) => {
  const { b } = site;
  const repeats = site.constant(1);
  if (repeats === undefined) return site.onlyIf('its repeats are constants');
  let gradient = site.g;
  repeats.forEach((count, axis) => {
    if (count === 1) return;
    const dims = b.shapeOf(gradient) ?? [];
    const size = b.dimOf(site.x(), axis);
    const numbers = [...dims.slice(0, axis), count, size, ...dims.slice(axis + 1)];
    if (numbers.filter((dim) => typeof dim !== 'number').length > 1)
      site.onlyIf('at most one of its dimensions is dynamic');
    const blocks = b.reshape(
      gradient,
      numbers.map((dim) => (typeof dim === 'number' ? dim : -1)),
    );
    gradient = b.reduceSum(blocks, [axis], false);
  });
  b.assumeShapeOf(gradient, site.x());
  return [gradient];
};

/**
 * Gather along an axis is a product with a one-hot matrix, and so is its adjoint: with data as [P, D, Q] and n indices,
 * x̄ = Hᵀ·c where c is [P, n, Q] and H is [n, D]. Repeated indices add up by themselves.
 */
const gather: Rule = (site) => {
  const { b } = site;
  const axis = site.axis(intAttribute(site.node, 'axis', 0));
  const [rank, indexRank] = [site.rank(0), site.rank(1)];
  const depth = sizeAlong(b, site.x(), axis);
  const zeroOne = b.floats([2], [0, 1], b.typeOf(site.g));
  const flat = b.reshape(site.x(1), [-1]);
  // [D, n], so that it multiplies from the left.
  const hot = b.emit('OneHot', [flat, b.emit('Squeeze', [depth]), zeroOne], { axis: 0 });
  const shape = b.shape(site.g);
  const product = (from: number, to: number) =>
    b.emit('ReduceProd', [b.emit('Slice', [shape, b.ints([from]), b.ints([to])])], { keepdims: 1 });
  const before = axis === 0 ? b.ints([1]) : product(0, axis);
  const after = axis === rank - 1 ? b.ints([1]) : product(axis + indexRank, rank - 1 + indexRank);
  const count = b.emit('Unsqueeze', [b.emit('Size', [flat]), b.ints([0])]);
  const folded = b.emit('Reshape', [site.g, b.emit('Concat', [before, count, after], { axis: 0 })]);
  return [b.reshapeLike(b.emit('MatMul', [hot, folded]), site.x())];
};

/** [N, C, H, W] to [N, C/r², H·r, W·r]; SpaceToDepth undoes it up to the order of the channels. */
const depthToSpace: Rule = (site) => {
  const { b, node } = site;
  const blocksize = intAttribute(node, 'blocksize', 1);
  const back = b.emit('SpaceToDepth', [site.g], { blocksize });
  if (stringAttribute(node, 'mode', 'DCR') === 'DCR') return [back];
  // CRD has channels as [C/r², r·r], SpaceToDepth gives [r·r, C/r²].
  const channels = b.dimOf(site.g, 1);
  if (typeof channels !== 'number') return site.onlyIf('its number of channels is fixed');
  const exchanged = b.transpose(b.reshape(back, [0, blocksize * blocksize, channels, -1]), [0, 2, 1, 3]);
  return [b.reshapeLike(exchanged, site.x())];
};

const spaceToDepth: Rule = (site) => [
  site.b.emit('DepthToSpace', [site.g], { blocksize: intAttribute(site.node, 'blocksize', 1), mode: 'DCR' }),
];

/** y_i = Σ_{j≤i} x_j: the cotangent is the same sum from the other end. */
const cumSum: Rule = (site) => {
  const reverseFlag = 1 - intAttribute(site.node, 'reverse', 0);
  const exclusive = intAttribute(site.node, 'exclusive', 0);
  return [site.b.emit('CumSum', [site.g, site.x(1)], { reverse: reverseFlag, exclusive })];
};

export const layoutRules: RuleTable = {
  Reshape: sameElements,
  Flatten: sameElements,
  Squeeze: sameElements,
  Unsqueeze: sameElements,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  Pad: pad,
  Expand: expand,
  Tile: tile,
  Gather: gather,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  CumSum: cumSum,
};
