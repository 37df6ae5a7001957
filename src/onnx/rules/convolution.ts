import { intAttribute, intsAttribute } from '../attributes';
import type { GraphBuilder } from '../builder';
import type { Dim } from '../dims';
import { windowOf, type Window } from '../shapes';
import type { Rule, RuleTable, Site } from './rule';

const indices = (count: number): number[] => [...Array(count).keys()];
const spatialAxes = (n: number): number[] => indices(n).map((i) => i + 2);

/** Spatial kernel sizes from the attribute or the weight's shape. */
function kernelOf(site: Site): readonly number[] {
  const attribute = intsAttribute(site.node, 'kernel_shape');
  if (attribute) return attribute;
  const weight = site.b.shapeOf(site.x(1))?.slice(2);
  return weight?.every((dim) => typeof dim === 'number') ? weight : site.onlyIf('the size of its kernel is known');
}

/** A window whose begin pads may be known only when the graph runs (an int64 vector of the graph). */
export interface PlacedWindow extends Window {
  readonly begins?: string;
}

/** dilation · (kernel − 1) + 1, the pixels between the first and the last that a window sees. */
const extentsOf = ({ kernel, dilations }: Window): number[] => kernel.map((k, i) => (dilations[i] ?? 1) * (k - 1) + 1);

const sizes = (b: GraphBuilder, value: string, n: number): string =>
  b.emit('Slice', [b.shape(value), b.ints([2]), b.ints([2 + n])]);

const spatialDims = (b: GraphBuilder, value: string, n: number): Dim[] =>
  spatialAxes(n).map((axis) => b.dimOf(value, axis));

const known = (dims: readonly Dim[]): number[] | undefined =>
  dims.every((dim) => typeof dim === 'number') ? [...dims] : undefined;

/** Half of the pads, the smaller or larger half first. */
const firstHalf = (autoPad: string, total: number): number =>
  autoPad === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);

/** The window of a convolution or pooling with `SAME_UPPER` and `SAME_LOWER` turned into pads. */
export function windowAt(site: Site, kernel: readonly number[]): PlacedWindow {
  const window = windowOf(site.node, kernel);
  if (window.autoPad === 'NOTSET') return window;
  const { b } = site;
  const n = kernel.length;
  const { strides } = window;
  const extents = extentsOf(window);
  const unitStride = strides.every((stride) => stride === 1);
  const input = unitStride ? kernel.map(() => 1) : known(spatialDims(b, site.x(), n));
  if (input)
    return withTotals(
      window,
      input.map((size, i) => samePad(size, strides[i] ?? 1, extents[i] ?? 1)),
    );
  // total = max(0, (⌈size/stride⌉ − 1)·stride + extent − size), where ⌈size/stride⌉ is the size of the result
  const covered = b.add(b.mul(b.sub(sizes(b, site.y(), n), b.ints([1])), b.ints(strides)), b.ints(extents));
  const total = b.emit('Max', [b.sub(covered, sizes(b, site.x(), n)), b.ints([0])]);
  const rounded = window.autoPad === 'SAME_UPPER' ? total : b.add(total, b.ints([1]));
  return { ...window, begins: b.div(rounded, b.ints([2])) };
}

const samePad = (size: number, stride: number, extent: number): number =>
  Math.max(0, (Math.ceil(size / stride) - 1) * stride + extent - size);

function withTotals(window: Window, totals: readonly number[]): Window {
  const before = totals.map((total) => firstHalf(window.autoPad, total));
  return { ...window, autoPad: 'NOTSET', pads: [...before, ...totals.map((total, i) => total - (before[i] ?? 0))] };
}

/**
 * The adjoint of a convolution with respect to its input.
 *
 * With stride one it is a convolution with the kernel flipped in space and its channel axes exchanged (1.6 to 5 times
 * faster than ConvTranspose in ONNX Runtime on a CPU; the runtime folds the rearranged weight when it is constant).
 * With larger strides it is a ConvTranspose, where output padding restores the rows that the stride skipped at the end
 * (on a CPU faster than a convolution of the cotangent with zeros between, or one for each phase).
 */
export function convolutionAdjoint(
  b: GraphBuilder,
  g: string,
  weight: string,
  window: PlacedWindow,
  group: number,
  input: string,
): string {
  const { kernel, strides, dilations, pads } = window;
  const n = kernel.length;
  const reaches = extentsOf(window).map((extent) => extent - 1);
  const mirrored = [...reaches, ...reaches].map((reach, i) => reach - (pads[i] ?? 0));
  if (window.begins === undefined && strides.every((stride) => stride === 1) && mirrored.every((pad) => pad >= 0)) {
    const flipped = exchangeChannels(b, flipSpace(b, weight, n), group, n);
    return b.emit('Conv', [g, flipped], { kernel_shape: kernel, dilations, pads: mirrored, group });
  }
  const attributes = { kernel_shape: kernel, strides, dilations, group };
  const [from, to] = [known(spatialDims(b, g, n)), known(spatialDims(b, input, n))];
  if (window.begins === undefined && from && to) {
    // What the windows cover beyond the image (cut off), or leave of it (zeros).
    const beyond = to.map(
      (size, i) => ((from[i] ?? 1) - 1) * (strides[i] ?? 1) + (reaches[i] ?? 0) + 1 - (pads[i] ?? 0) - size,
    );
    const ends = beyond.map((rest) => Math.max(0, rest));
    const output_padding = beyond.map((rest) => Math.max(0, -rest));
    return b.emit('ConvTranspose', [g, weight], {
      ...attributes,
      pads: [...pads.slice(0, n), ...ends],
      output_padding,
    });
  }
  // Unknown image size: make the adjoint of the padded image, as long as any size can need, and cut the image out.
  const whole = b.emit('ConvTranspose', [g, weight], {
    ...attributes,
    output_padding: strides.map((stride) => stride - 1),
  });
  const starts = window.begins ?? b.ints(pads.slice(0, n));
  const ends = b.add(sizes(b, input, n), starts);
  const image = b.emit('Slice', [whole, starts, ends, b.ints(spatialAxes(n))]);
  b.assumeShapeOf(image, input);
  return image;
}

function flipSpace(b: GraphBuilder, weight: string, n: number): string {
  const all = (value: number | bigint) => b.ints(Array<number | bigint>(n).fill(value));
  return b.emit('Slice', [weight, all(-1), all(-(2n ** 63n)), b.ints(spatialAxes(n)), all(-1)]);
}

/** [M, C/group, …] to [C, M/group, …] */
function exchangeChannels(b: GraphBuilder, weight: string, group: number, n: number): string {
  const order = spatialAxes(n);
  if (group === 1) return b.transpose(weight, [1, 0, ...order]);
  const grouped = splitAxis(b, weight, 0, group);
  return mergeAxes(b, b.transpose(grouped, [0, 2, 1, ...order.map((axis) => axis + 1)]), 0);
}

/** An axis of `count` · m elements as two, [count, m]. */
const splitAxis = (b: GraphBuilder, value: string, axis: number, count: number): string =>
  replaceAxes(b, value, axis, 1, [count, -1]);

/** Two neighbouring axes as one. */
const mergeAxes = (b: GraphBuilder, value: string, axis: number): string => replaceAxes(b, value, axis, 2, [-1]);

/** Reshapes `count` axes to others; the axes beside them may be dynamic. */
function replaceAxes(b: GraphBuilder, value: string, axis: number, count: number, by: readonly number[]): string {
  const shape = b.shapeOf(value) ?? [];
  const [before, after] = [known(shape.slice(0, axis)), known(shape.slice(axis + count))];
  if (before && after) return b.reshape(value, [...before, ...by, ...after]);
  const cut = (from: number, to: number) => b.emit('Slice', [b.shape(value), b.ints([from]), b.ints([to])]);
  const target = [cut(0, axis), b.ints(by), cut(axis + count, shape.length)];
  return b.emit('Reshape', [value, b.emit('Concat', target, { axis: 0 })]);
}

/**
 * The cotangent of a convolution's weight [M, C/group, …]: w̄ = Σ over images and positions of cotangent · input is a
 * convolution too, with images in the place of channels and with strides and dilations exchanged. Weights that depend
 * on the input occur as modulated convolutions (StyleGAN), one group for each image of the batch.
 */
function weightCotangent(site: Site, input: string, cotangent: string, window: Window, group: number): string {
  const { b } = site;
  const { kernel, strides, dilations, pads } = window;
  const n = kernel.length;
  const order = spatialAxes(n);
  const swap = [1, 0, ...order];
  // [N, g·C, …] to [C, g·N, …]
  const images =
    group === 1
      ? b.transpose(input, swap)
      : mergeAxes(b, b.transpose(splitAxis(b, input, 1, group), [2, 1, 0, ...order.map((axis) => axis + 1)]), 1);
  const product = b.emit('Conv', [images, b.transpose(cotangent, swap)], {
    strides: dilations,
    dilations: strides,
    pads,
    group,
  });
  // Rows that the stride skipped at the end would make the kernel longer.
  const starts = b.ints(Array<number>(n).fill(0));
  return b.transpose(b.emit('Slice', [product, starts, b.ints(kernel), b.ints(order)]), swap);
}

/** Sums over images and positions. */
function biasCotangent(site: Site, n: number): string | undefined {
  return site.wants(2) ? site.b.reduceSum(site.g, [0, ...spatialAxes(n)], false) : undefined;
}

const conv: Rule = (site) => {
  const { b, node, g } = site;
  const kernel = kernelOf(site);
  const group = intAttribute(node, 'group', 1);
  const window = windowAt(site, kernel);
  if (site.wants(1) && window.begins !== undefined) site.onlyIf('its pads are explicit or the image size is fixed');
  return [
    site.wants(0) ? convolutionAdjoint(b, g, site.x(1), window, group, site.x()) : undefined,
    site.wants(1) ? weightCotangent(site, site.x(), g, window, group) : undefined,
    biasCotangent(site, kernel.length),
  ];
};

/** The adjoint of a transposed convolution is the convolution with the same weight, over the cotangent in its pads. */
const convTranspose: Rule = (site) => {
  const { b, node } = site;
  const window = windowOf(node, kernelOf(site));
  const group = intAttribute(node, 'group', 1);
  const { kernel, strides, dilations } = window;
  const framed = frame(site, window);
  const attributes = { kernel_shape: kernel, strides, dilations, group };
  return [
    site.wants(0) ? b.emit('Conv', [framed.g, site.x(1)], { ...attributes, pads: framed.pads }) : undefined,
    site.wants(1) ? weightCotangent(site, framed.g, site.x(), { ...window, pads: framed.pads }, group) : undefined,
    biasCotangent(site, kernel.length),
  ];
};

/**
 * The cotangent of a transposed convolution and its pads, such that windows over it give the input's size again. Pads
 * that are negative (output padding beyond the reach of the kernel) or known only when the graph runs are a Pad node.
 */
function frame(site: Site, window: Window): { g: string; pads: readonly number[] } {
  const { b, node, g } = site;
  const { kernel, strides, pads, autoPad } = window;
  const n = kernel.length;
  const extents = extentsOf(window);
  const extra = intsAttribute(node, 'output_padding') ?? kernel.map(() => 0);
  const explicit = autoPad === 'NOTSET' && !intsAttribute(node, 'output_shape');
  if (explicit && extra.every((rows, i) => rows < (strides[i] ?? 1))) return { g, pads };
  const zeros = [...kernel, ...kernel].map(() => 0);
  const [input, output] = [known(spatialDims(b, site.x(), n)), known(spatialDims(b, g, n))];
  if (input && output) {
    // Pixels of all windows beyond those that the result keeps.
    const beyond = input.map((size, i) => (size - 1) * (strides[i] ?? 1) + (extents[i] ?? 1) - (output[i] ?? 1));
    const begins = beyond.map((rest, i) =>
      explicit ? (pads[i] ?? 0) : firstHalf(autoPad, Math.max(0, rest + (extra[i] ?? 0))),
    );
    const both = [...begins, ...beyond.map((rest, i) => rest - (begins[i] ?? 0))];
    if (both.every((pad) => pad >= 0)) return { g, pads: both };
    return { g: b.emit('Pad', [g, b.ints([0, 0, ...both.slice(0, n), 0, 0, ...both.slice(n)])]), pads: zeros };
  }
  const whole = b.add(b.mul(b.sub(sizes(b, site.x(), n), b.ints([1])), b.ints(strides)), b.ints(extents));
  const beyond = b.sub(whole, sizes(b, g, n));
  const total = b.emit('Max', [b.add(beyond, b.ints(extra)), b.ints([0])]);
  const rounded = autoPad === 'SAME_UPPER' ? total : b.add(total, b.ints([1]));
  const begins = explicit ? b.ints(pads.slice(0, n)) : b.div(rounded, b.ints([2]));
  const none = b.ints([0, 0]);
  const frames = b.emit('Concat', [none, begins, none, b.sub(beyond, begins)], { axis: 0 });
  return { g: b.emit('Pad', [g, frames]), pads: zeros };
}

export const convolutionRules: RuleTable = { Conv: conv, ConvTranspose: convTranspose };
