import { intAttribute, intsAttribute, stringAttribute } from '../attributes';
import { isStatic } from '../dims';
import { sizeAlong, unbroadcast } from './broadcast';
import type { Rule, RuleTable } from './rule';

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

/**
 * Each input's cotangent is its section of the output's. One node makes all of them at once: of a UNet's concatenation
 * one half is needed at the end of the backward pass only, and the whole must not wait for that.
 */
const concat: Rule = (site) => {
  const { b, node } = site;
  if (node.input.length === 1) return [site.g];
  const axis = site.axis(intAttribute(node, 'axis', 0));
  const sizes = node.input.map((input) => b.dimOf(input, axis));
  const lengths = isStatic(sizes)
    ? b.ints(sizes)
    : b.emit(
        'Concat',
        node.input.map((input) => sizeAlong(b, input, axis)),
        { axis: 0 },
      );
  const parts = b.emitMany('Split', [site.g, lengths], sizes.length, { axis });
  node.input.forEach((input, index) => b.assumeShapeOf(parts[index] ?? '', input));
  return parts;
};

const split: Rule = (site) => {
  const { b, node } = site;
  const parts = node.output.map((_, index) => site.cotangent(index));
  return [b.emit('Concat', parts, { axis: intAttribute(node, 'axis', 0) })];
};

const expand: Rule = (site) => [unbroadcast(site.b, site.g, site.x())];

/** Tile repeats whole axes: [d] becomes [r·d], so the cotangent is summed over the r of [r, d]. */
const tile: Rule = (site) => {
  const { b } = site;
  const repeats = site.constant(1);
  const sizes: string[] = [];
  const summed: number[] = [];
  for (let axis = 0; axis < site.rank(); axis++) {
    const count = repeats?.[axis];
    if (count !== 1) {
      summed.push(sizes.length);
      const given = () => b.emit('Slice', [site.x(1), b.ints([axis]), b.ints([axis + 1])]);
      sizes.push(count === undefined ? given() : b.ints([count]));
    }
    const size = b.dimOf(site.x(), axis);
    sizes.push(typeof size === 'number' ? b.ints([size]) : sizeAlong(b, site.x(), axis));
  }
  if (summed.length === 0) return [site.g];
  const blocks = b.emit('Reshape', [site.g, b.emit('Concat', sizes, { axis: 0 })]);
  return [b.reduceSum(blocks, summed, false)];
};

/** [N, C, H, W] to [N, C/r², H·r, W·r]; SpaceToDepth undoes it up to the order of the channels. */
const depthToSpace: Rule = (site) => {
  const { b, node } = site;
  const blocksize = intAttribute(node, 'blocksize', 1);
  const back = b.emit('SpaceToDepth', [site.g], { blocksize });
  if (stringAttribute(node, 'mode', 'DCR') === 'DCR') return [back];
  // CRD has channels as [C/r², r·r], SpaceToDepth gives [r·r, C/r²].
  const image = b.emit('Slice', [b.shape(back), b.ints([2]), b.ints([4])]);
  const target = b.emit('Concat', [b.ints([0, blocksize * blocksize, -1]), image], { axis: 0 });
  return [b.reshapeLike(b.transpose(b.emit('Reshape', [back, target]), [0, 2, 1, 3, 4]), site.x())];
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

/** The triangle that is kept is the one that gets its cotangent. */
const trilu: Rule = (site) => [
  site.b.emit('Trilu', [site.g, site.optional(1)], { upper: intAttribute(site.node, 'upper', 1) }),
];

/** Reversing the same parts again restores the order. */
const reverseSequence: Rule = (site) => [
  site.b.emit('ReverseSequence', [site.g, site.x(1)], {
    batch_axis: intAttribute(site.node, 'batch_axis', 1),
    time_axis: intAttribute(site.node, 'time_axis', 0),
  }),
];

export const layoutRules: RuleTable = {
  Reshape: sameElements,
  Flatten: sameElements,
  Squeeze: sameElements,
  Unsqueeze: sameElements,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Expand: expand,
  Tile: tile,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  CumSum: cumSum,
  ReverseSequence: reverseSequence,
  Trilu: trilu,
};
