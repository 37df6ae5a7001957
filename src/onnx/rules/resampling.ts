import { intAttribute, intsAttribute, stringAttribute } from '../attributes';
import type { GraphBuilder } from '../builder';
import { isStatic } from '../dims';
import { convolutionAdjoint, explicitWindow } from './convolution';
import { interpolationMatrix, type Interpolation } from './interpolation';
import type { Rule, RuleTable } from './rule';

const ones = (n: number): number[] => Array<number>(n).fill(1);

/** [N, C, …] to [N·C, 1, …], where one kernel serves all channels. */
const separateChannels = (b: GraphBuilder, value: string): string => {
  const spatial = (b.shapeOf(value) ?? []).slice(2);
  if (isStatic(spatial)) return b.reshape(value, [-1, 1, ...spatial]);
  const sizes = b.emit('Slice', [b.shape(value), b.ints([2]), b.ints([2 + spatial.length])]);
  return b.emit('Reshape', [value, b.emit('Concat', [b.ints([-1, 1]), sizes], { axis: 0 })]);
};

/** The mean over a window is a convolution with equal weights; the shares of a window at the border may be larger. */
const averagePool: Rule = (site) => {
  const { b, node } = site;
  const kernel = intsAttribute(node, 'kernel_shape') ?? [];
  const window = explicitWindow(site, kernel, b.shapeOf(site.x()) ?? []);
  if (intAttribute(node, 'ceil_mode', 0) === 1) site.onlyIf('its ceil_mode is 0');
  const count = kernel.reduce((product, k) => product * k, 1);
  const weight = b.floats([1, 1, ...kernel], ones(count), b.typeOf(site.g));
  const image = separateChannels(b, site.x());
  const g = separateChannels(b, site.g);
  const padded = window.pads.some((pad) => pad > 0);
  const counted = padded && intAttribute(node, 'count_include_pad', 0) === 0;
  // Elements of the image under each window.
  const shares = () =>
    b.emit('Conv', [b.fullLike(image, 1), weight], {
      kernel_shape: kernel,
      strides: window.strides,
      dilations: window.dilations,
      pads: window.pads,
    });
  const share = counted ? b.div(g, shares()) : b.scale(g, 1 / count);
  return [b.reshapeLike(convolutionAdjoint(b, share, weight, window, 1, image), site.x())];
};

const globalAveragePool: Rule = (site) => {
  const { b } = site;
  const counts = (value: string) => b.emit('Cast', [b.emit('Size', [value])], { to: b.typeOf(site.g) });
  return [b.expandLike(b.div(b.mul(site.g, counts(site.y())), counts(site.x())), site.x())];
};

/** Sends each cotangent to the element that was the largest: the second output of MaxPool tells which. */
const maxPool: Rule = (site) => {
  const { b, node } = site;
  if (b.opset < 16) site.onlyIf('the model has operator set 16 or later; export it again');
  if (intAttribute(node, 'storage_order', 0) === 1) site.onlyIf('its storage_order is 0');
  const [, indices = ''] = b.emitMany('MaxPool', [site.x()], 2, {
    kernel_shape: intsAttribute(node, 'kernel_shape'),
    strides: intsAttribute(node, 'strides'),
    pads: intsAttribute(node, 'pads'),
    dilations: intsAttribute(node, 'dilations'),
    auto_pad: stringAttribute(node, 'auto_pad', 'NOTSET'),
    ceil_mode: intAttribute(node, 'ceil_mode', 0),
  });
  const flat = (value: string) => b.reshape(value, [-1]);
  const zeros = flat(b.fullLike(site.x()));
  const sums = b.emit('ScatterElements', [zeros, flat(indices), flat(site.g)], { axis: 0, reduction: 'add' });
  return [b.reshapeLike(sums, site.x())];
};

/**
 * Resize is linear and separable. Repeating every pixel s times has as adjoint the sum over s×s blocks (an average pool,
 * times s²), at any image size. Everything else is, per axis, a product with the transposed interpolation matrix.
 */
const resize: Rule = (site) => {
  const { b, node, g } = site;
  if (intsAttribute(node, 'axes')) site.onlyIf('it has no axes attribute');
  const [input, output] = [b.shapeOf(site.x()) ?? [], b.shapeOf(site.y()) ?? []];
  const given = site.has(2) ? site.constant(2) : undefined;
  const scales = input.map((size, axis) => {
    const wanted = output[axis] ?? null;
    if (given?.length) return given[axis] ?? 1;
    if (size !== null && size === wanted) return 1;
    return typeof size === 'number' && typeof wanted === 'number' ? wanted / size : undefined;
  });
  const settings: Interpolation = {
    mode: stringAttribute(node, 'mode', 'nearest'),
    coordinates: stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel'),
    nearest: stringAttribute(node, 'nearest_mode', 'round_prefer_floor'),
  };
  const spatial = scales.slice(2);
  if (
    scales[0] === 1 &&
    scales[1] === 1 &&
    spatial.length > 0 &&
    spatial.every((s) => s !== undefined && repeats(settings, s))
  ) {
    const kernel = spatial.map(Number);
    const mean = b.emit('AveragePool', [g], { kernel_shape: kernel, strides: kernel });
    b.assumeShapeOf(mean, site.x());
    return [
      b.scale(
        mean,
        kernel.reduce((product, s) => product * s, 1),
      ),
    ];
  }
  return [
    scales.reduce<string>((gradient, scale, axis) => {
      if (scale === 1) return gradient;
      const [from, to] = [input[axis], output[axis]];
      if (scale === undefined || typeof from !== 'number' || typeof to !== 'number') {
        return site.onlyIf('it repeats pixels a whole number of times or the image size is fixed');
      }
      const matrix = interpolationMatrix(settings, from, to, scale);
      if (matrix === undefined)
        return site.onlyIf('its mode is "nearest" or "linear" without antialiasing or cropping');
      return alongAxis(b, gradient, axis, b.floats([to, from], matrix, b.typeOf(g)));
    }, g),
  ];
};

/** Whether every pixel becomes `scale` equal ones. */
function repeats(settings: Interpolation, scale: number): boolean {
  if (settings.mode !== 'nearest' || !Number.isInteger(scale)) return false;
  const pixels = 4;
  const matrix = interpolationMatrix(settings, pixels, pixels * scale, scale);
  return (
    matrix !== undefined &&
    matrix.every((weight, i) => weight === Number(Math.floor(Math.floor(i / pixels) / scale) === i % pixels))
  );
}

/** Multiplies by a matrix along one axis: moves it last and back. */
function alongAxis(b: GraphBuilder, value: string, axis: number, matrix: string): string {
  const last = b.rankOf(value) - 1;
  const swap = [...Array(last + 1).keys()].map((i) => (i === axis ? last : i === last ? axis : i));
  return b.transpose(b.emit('MatMul', [b.transpose(value, swap), matrix]), swap);
}

export const resamplingRules: RuleTable = {
  AveragePool: averagePool,
  GlobalAveragePool: globalAveragePool,
  MaxPool: maxPool,
  Resize: resize,
};
