import { intAttribute, intsAttribute, stringAttribute } from '../attributes';
import type { GraphBuilder } from '../builder';
import type { Shape } from '../dims';
import { windowOf, type Window } from '../shapes';
import type { Rule, RuleTable, Site } from './rule';

const indices = (count: number): number[] => [...Array(count).keys()];

/** Spatial kernel sizes from the attribute or the weight's shape. */
function kernelOf(site: Site): readonly number[] {
  const attribute = intsAttribute(site.node, 'kernel_shape');
  if (attribute) return attribute;
  const weight = site.b.shapeOf(site.x(1))?.slice(2);
  return weight?.every((dim) => typeof dim === 'number') ? weight : site.onlyIf('the size of its kernel is known');
}

/** The window with `SAME_UPPER` and `SAME_LOWER` turned into pads. */
export function explicitWindow(site: Site, kernel: readonly number[], input: Shape): Window {
  const window = windowOf(site.node, kernel);
  if (window.autoPad === 'NOTSET') return window;
  const totals = kernel.map((k, i) => {
    const [size, stride = 1, dilation = 1] = [input[i + 2], window.strides[i], window.dilations[i]];
    const extent = dilation * (k - 1) + 1;
    if (stride === 1) return extent - 1;
    if (typeof size !== 'number') return site.onlyIf('its pads are explicit or the image size is fixed');
    return Math.max(0, (Math.ceil(size / stride) - 1) * stride + extent - size);
  });
  const small = totals.map((total) => Math.floor(total / 2));
  const large = totals.map((total) => Math.ceil(total / 2));
  return {
    ...window,
    autoPad: 'NOTSET',
    pads: window.autoPad === 'SAME_UPPER' ? [...small, ...large] : [...large, ...small],
  };
}

/**
 * The adjoint of a convolution with respect to its input.
 *
 * With stride one it is a convolution with the kernel flipped in space and its channel axes exchanged (1.6 to 5 times
 * faster than ConvTranspose in ONNX Runtime on a CPU; the runtime folds the rearranged weight when it is constant).
 * With larger strides it is a ConvTranspose whose output padding restores the rows that the stride skipped at the end.
 */
export function convolutionAdjoint(
  b: GraphBuilder,
  g: string,
  weight: string,
  window: Window,
  group: number,
  input: string,
): string {
  const { kernel, strides, dilations, pads } = window;
  const n = kernel.length;
  const mirrored = indices(2 * n).map((i) => (dilations[i % n] ?? 1) * ((kernel[i % n] ?? 1) - 1) - (pads[i] ?? 0));
  if (strides.every((stride) => stride === 1) && mirrored.every((pad) => pad >= 0)) {
    const flipped = exchangeChannels(b, flipSpace(b, weight, n), group, n);
    return b.emit('Conv', [g, flipped], { kernel_shape: kernel, dilations, pads: mirrored, group });
  }
  const spatial = (b.shapeOf(input) ?? []).slice(2);
  const attributes = { kernel_shape: kernel, strides, dilations, group };
  if (spatial.length === n && spatial.every((size) => typeof size === 'number')) {
    const output_padding = spatial.map((size, i) => {
      const covered = size + (pads[i] ?? 0) + (pads[i + n] ?? 0) - (dilations[i] ?? 1) * ((kernel[i] ?? 1) - 1) - 1;
      return covered % (strides[i] ?? 1);
    });
    return b.emit('ConvTranspose', [g, weight], { ...attributes, pads, output_padding });
  }
  // Unknown image size: make the adjoint of the padded image, as long as any size can need, and cut the image out.
  const whole = b.emit('ConvTranspose', [g, weight], {
    ...attributes,
    output_padding: strides.map((stride) => stride - 1),
  });
  const size = b.emit('Slice', [b.shape(input), b.ints([2]), b.ints([2 + n])]);
  const starts = b.ints(pads.slice(0, n));
  return b.emit('Slice', [whole, starts, b.add(size, starts), b.ints(indices(n).map((i) => i + 2))]);
}

function flipSpace(b: GraphBuilder, weight: string, n: number): string {
  const all = (value: number | bigint) => b.ints(Array<number | bigint>(n).fill(value));
  return b.emit('Slice', [weight, all(-1), all(-(2n ** 63n)), b.ints(indices(n).map((i) => i + 2)), all(-1)]);
}

/** [M, C/group, …] to [C, M/group, …] */
function exchangeChannels(b: GraphBuilder, weight: string, group: number, n: number): string {
  const spatial = indices(n).map((i) => i + 2);
  if (group === 1) return b.transpose(weight, [1, 0, ...spatial]);
  const [m, c, ...sizes] = b.shapeOf(weight) ?? [];
  const kernel = sizes.map((size) => (typeof size === 'number' ? size : -1));
  const [mPerGroup, cPerGroup] = [Number(m) / group, Number(c)];
  const grouped = b.reshape(weight, [group, mPerGroup, cPerGroup, ...kernel]);
  const swapped = b.transpose(grouped, [0, 2, 1, ...spatial.map((axis) => axis + 1)]);
  return b.reshape(swapped, [group * cPerGroup, mPerGroup, ...kernel]);
}

const conv: Rule = (site) => {
  const { b, node } = site;
  site.requireConstant(1, 'weight');
  site.requireConstant(2, 'bias');
  const window = explicitWindow(site, kernelOf(site), b.shapeOf(site.x()) ?? []);
  return [convolutionAdjoint(b, site.g, site.x(1), window, intAttribute(node, 'group', 1), site.x())];
};

/** The adjoint of a transposed convolution is the convolution with the same weight. */
const convTranspose: Rule = (site) => {
  const { b, node } = site;
  site.requireConstant(1, 'weight');
  site.requireConstant(2, 'bias');
  const window = windowOf(node, kernelOf(site));
  if (stringAttribute(node, 'auto_pad', 'NOTSET') !== 'NOTSET' || intsAttribute(node, 'output_shape')) {
    site.onlyIf('it has explicit pads and no output_shape');
  }
  const { kernel, strides, dilations, pads } = window;
  if (intsAttribute(node, 'output_padding')?.some((extra, i) => extra >= (strides[i] ?? 1))) {
    site.onlyIf('its output_padding is smaller than its stride');
  }
  const group = intAttribute(node, 'group', 1);
  return [b.emit('Conv', [site.g, site.x(1)], { kernel_shape: kernel, strides, dilations, pads, group })];
};

export const convolutionRules: RuleTable = { Conv: conv, ConvTranspose: convTranspose };
