import { intsAttribute } from '../attributes';
import type { Rule, RuleTable } from './rule';

/**
 * Col2Im adds the columns [N, C·∏block, L] of patches up to images, so each column's cotangent is the patch of the
 * image's: a convolution of every channel with one kernel for each place in the block, which is one there and zero elsewhere.
 */
const col2im: Rule = (site) => {
  const { b, g, node } = site;
  const block = site.constant(2) ?? site.onlyIf('its block_shape is a constant');
  const places = block.reduce((product, size) => product * size, 1);
  const one = Array.from({ length: places ** 2 }, (_, i) => Number(i % (places + 1) === 0));
  const kernels = b.floats([places, 1, ...block], one, b.typeOf(g));
  const channels = b.emit('Reshape', [g, b.emit('Concat', [b.ints([-1, 1]), site.x(1)], { axis: 0 })]);
  const [dilations, pads, strides] = ['dilations', 'pads', 'strides'].map((name) => intsAttribute(node, name));
  return [b.reshapeLike(b.emit('Conv', [channels, kernels], { dilations, pads, strides }), site.x())];
};

export const col2imRules: RuleTable = { Col2Im: col2im };
