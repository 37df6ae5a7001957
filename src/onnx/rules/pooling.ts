import { intAttribute, intsAttribute, stringAttribute, type Attributes } from '../attributes';
import type { GraphBuilder } from '../builder';
import { isStatic } from '../dims';
import { sizeOf } from './broadcast';
import { convolutionAdjoint, windowAt, type PlacedWindow } from './convolution';
import type { Rule, RuleTable, Site } from './rule';

const kernelOf = (site: Site): readonly number[] => intsAttribute(site.node, 'kernel_shape') ?? [];

const elementsOf = (kernel: readonly number[]): number => kernel.reduce((product, k) => product * k, 1);

/** The attributes that a pooling shares with the poolings its gradient needs. */
const windowAttributes = ({ node }: Site): Attributes => ({
  kernel_shape: intsAttribute(node, 'kernel_shape'),
  strides: intsAttribute(node, 'strides'),
  pads: stringAttribute(node, 'auto_pad', 'NOTSET') === 'NOTSET' ? intsAttribute(node, 'pads') : undefined,
  dilations: intsAttribute(node, 'dilations'),
  auto_pad: stringAttribute(node, 'auto_pad', 'NOTSET'),
  ceil_mode: intAttribute(node, 'ceil_mode', 0),
});

/** [N, C, …] to [N·C, 1, …], where one kernel serves all channels. */
const separateChannels = (b: GraphBuilder, value: string): string => {
  const spatial = (b.shapeOf(value) ?? []).slice(2);
  if (isStatic(spatial)) return b.reshape(value, [-1, 1, ...spatial]);
  const sizes = b.emit('Slice', [b.shape(value), b.ints([2]), b.ints([2 + spatial.length])]);
  return b.emit('Reshape', [value, b.emit('Concat', [b.ints([-1, 1]), sizes], { axis: 0 })]);
};

/** The adjoint of the sum over each window: a transposed convolution with ones. */
function windowSumAdjoint(site: Site, cotangent: string): string {
  const { b } = site;
  const kernel = kernelOf(site);
  const weight = b.floats([1, 1, ...kernel], Array<number>(elementsOf(kernel)).fill(1), b.typeOf(cotangent));
  const [g, image] = [separateChannels(b, cotangent), separateChannels(b, site.x())];
  return b.reshapeLike(convolutionAdjoint(b, g, weight, windowAt(site, kernel), 1, image), site.x());
}

/**
 * The mean over a window. Where windows reach over the border, they divide by the elements in the image, or by what the
 * runtime's own pooling of an image of ones tells: its mean is (elements in the image)/(divisor).
 */
const averagePool: Rule = (site) => {
  const { b, node, g } = site;
  const attributes = windowAttributes(site);
  const window = windowAt(site, kernelOf(site));
  const inside = window.autoPad === 'NOTSET' && window.pads.every((pad) => pad === 0);
  if (inside && intAttribute(node, 'ceil_mode', 0) === 0) {
    return [windowSumAdjoint(site, b.scale(g, 1 / elementsOf(window.kernel)))];
  }
  const n = window.kernel.length;
  const ones = b.emit('Expand', [
    b.floats(Array<number>(n + 2).fill(1), [1], b.typeOf(g)),
    b.emit('Concat', [b.ints([1, 1]), b.emit('Slice', [b.shape(site.x()), b.ints([2]), b.ints([2 + n])])], { axis: 0 }),
  ]);
  const share = b.div(g, imageElements(site, window, ones));
  const count_include_pad = intAttribute(node, 'count_include_pad', 0);
  if (count_include_pad === 0) return [windowSumAdjoint(site, share)];
  return [windowSumAdjoint(site, b.mul(share, b.emit('AveragePool', [ones], { ...attributes, count_include_pad })))];
};

/** How many elements of the image each window holds. With `ceil_mode` there may be a window more than fits in the pads. */
function imageElements(site: Site, window: PlacedWindow, ones: string): string {
  const { b, node } = site;
  const { kernel, strides, dilations, pads } = window;
  const n = kernel.length;
  const weight = b.floats([1, 1, ...kernel], Array<number>(elementsOf(kernel)).fill(1), b.typeOf(ones));
  const attributes = { kernel_shape: kernel, strides, dilations };
  if (window.begins !== undefined) {
    return b.emit('Conv', [ones, weight], { ...attributes, auto_pad: stringAttribute(node, 'auto_pad', 'NOTSET') });
  }
  const ends = pads.slice(n).map((pad, i) => pad + (strides[i] ?? 1) - 1);
  const counts = b.emit('Conv', [ones, weight], { ...attributes, pads: [...pads.slice(0, n), ...ends] });
  const axes = kernel.map((_, i) => i + 2);
  const size = b.emit('Slice', [b.shape(site.g), b.ints([2]), b.ints([2 + n])]);
  return b.emit('Slice', [counts, b.ints(axes.map(() => 0)), size, b.ints(axes)]);
}

/** Sends each cotangent to the element that was the largest: the second output of MaxPool tells which. */
const maxPool: Rule = (site) => {
  const { b } = site;
  const [, indices = ''] = b.emitMany('MaxPool', [site.x()], 2, windowAttributes(site));
  const flat = (value: string) => b.reshape(value, [-1]);
  const zeros = flat(b.fullLike(site.x()));
  const sums = b.emit('ScatterElements', [zeros, flat(indices), flat(site.g)], { axis: 0, reduction: 'add' });
  return [b.reshapeLike(sums, site.x())];
};

/** y = (Σ |x|ᵖ)^{1/p}: x̄ = sign(x)·|x|^{p−1} · (the sum's adjoint of g·y^{1−p}). An empty norm has no gradient. */
const normPool =
  (sumAdjoint: (site: Site, cotangent: string) => string): Rule =>
  (site) => {
    const { b, g } = site;
    const [x, y] = [site.x(), site.y()];
    const p = intAttribute(site.node, 'p', 2);
    const power = (value: string) => (p === 2 ? value : b.emit('Pow', [value, b.scalar(p - 1, value)]));
    const divisor = b.emit('Where', [b.emit('Greater', [y, b.scalar(0, y)]), y, b.scalar(1, y)]);
    const signed = p === 2 ? x : b.mul(b.emit('Sign', [x]), power(b.emit('Abs', [x])));
    return [b.mul(signed, sumAdjoint(site, p === 1 ? g : b.div(g, power(divisor))))];
  };

const globalAverage: Rule = (site) => {
  const { b } = site;
  return [b.expandLike(b.div(b.mul(site.g, sizeOf(b, site.y())), sizeOf(b, site.x())), site.x())];
};

/** Equal maxima share the cotangent, as in ReduceMax. */
const globalMax: Rule = (site) => {
  const { b } = site;
  const hits = b.emit('Cast', [b.emit('Equal', [site.x(), site.y()])], { to: b.typeOf(site.x()) });
  const axes = Array.from({ length: site.rank() - 2 }, (_, i) => i + 2);
  return [b.mul(hits, b.div(site.g, b.reduceSum(hits, axes, true)))];
};

export const poolingRules: RuleTable = {
  AveragePool: averagePool,
  MaxPool: maxPool,
  LpPool: normPool(windowSumAdjoint),
  GlobalAveragePool: globalAverage,
  GlobalMaxPool: globalMax,
  GlobalLpPool: normPool((_site, cotangent) => cotangent),
};
