import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from '../attributes';
import type { GraphBuilder } from '../builder';
import { normaliseAxis, sameShape } from '../dims';
import { DataType } from '../dtype';
import { interpolationMatrix, type Interpolation } from './interpolation';
import type { Rule, RuleTable, Site } from './rule';

/**
 * Resize is linear and separable. Repeating every pixel s times has as adjoint the sum over s×s blocks (an average pool,
 * times s²). Everything else is, per axis, a product with the transposed interpolation matrix. Both work at any size.
 */
const resize: Rule = (site) => {
  const { b, node, g } = site;
  ['region of interest', 'scale', 'size'].forEach((what, i) => site.requireConstant(i + 1, what));
  const settings: Interpolation = {
    mode: stringAttribute(node, 'mode', 'nearest'),
    coordinates: stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel'),
    nearest: stringAttribute(node, 'nearest_mode', 'round_prefer_floor'),
    cubicA: floatAttribute(node, 'cubic_coeff_a', -0.75),
    antialias: intAttribute(node, 'antialias', 0) === 1,
    excludeOutside: intAttribute(node, 'exclude_outside', 0) === 1,
  };
  const rank = site.rank();
  const axes = intsAttribute(node, 'axes')?.map((axis) => normaliseAxis(axis, rank)) ?? [...Array(rank).keys()];
  const factors = axes.map((axis, i) => knownScale(site, axis, i));
  const block = Array.from({ length: rank }, (_, axis) => {
    const i = axes.indexOf(axis);
    return i < 0 ? 1 : factors[i];
  });
  if (rank > 2 && block[0] === 1 && block[1] === 1 && block.every((s) => s !== undefined && repeats(settings, s))) {
    return [blockSum(site, block.slice(2).map(Number))];
  }
  const crops = settings.coordinates === 'tf_crop_and_resize';
  const [from, to] = [b.shapeOf(site.x()), b.shapeOf(site.y())];
  // ONNX Runtime copies an image that keeps its size, even at a scale such as 1.1, and every axis of scale one.
  if (from && to && sameShape(from, to)) return [g];
  return [
    axes.reduce<string>((gradient, axis, i) => {
      if (factors[i] === 1) return gradient;
      const entry = (input: number, index: number) => b.emit('Gather', [site.x(input), b.int(index)]);
      const matrix = interpolationMatrix(b, settings, {
        from: sizeOf(b, site.x(), axis),
        to: sizeOf(b, site.y(), axis),
        scale: scaleOf(site, axes, i),
        start: crops ? asFloat(b, entry(1, i)) : undefined,
        end: crops ? asFloat(b, entry(1, i + axes.length)) : undefined,
      });
      return alongAxis(b, gradient, axis, b.emit('Cast', [matrix], { to: b.typeOf(g) }));
    }, g),
  ];
};

const hasScales = (site: Site): boolean => site.has(2) && site.b.dimOf(site.x(2), 0) !== 0;

const keepsAspect = (site: Site): boolean =>
  stringAttribute(site.node, 'keep_aspect_ratio_policy', 'stretch') !== 'stretch' && !hasScales(site);

/** The scale along an axis as a number, where the file says it. */
function knownScale(site: Site, axis: number, i: number): number | undefined {
  if (hasScales(site)) return site.constant(2)?.[i];
  if (keepsAspect(site)) return undefined;
  const [from, to] = [site.b.dimOf(site.x(), axis), site.b.dimOf(site.y(), axis)];
  if (from !== null && from === to) return 1;
  return typeof from === 'number' && typeof to === 'number' ? to / from : undefined;
}

/** The scale along an axis as a value: given, the ratio of the sizes, or the one ratio that keeps the aspect. */
function scaleOf(site: Site, axes: readonly number[], i: number): string {
  const { b } = site;
  if (hasScales(site)) return b.emit('Gather', [site.x(2), b.int(i)]);
  const ratio = (axis: number, size: string) => b.div(size, sizeOf(b, site.x(), axis));
  if (!keepsAspect(site)) return ratio(axes[i] ?? 0, sizeOf(b, site.y(), axes[i] ?? 0));
  const wanted = (index: number) => asFloat(b, b.emit('Gather', [site.x(3), b.int(index)]));
  const extreme = stringAttribute(site.node, 'keep_aspect_ratio_policy', '') === 'not_larger' ? 'Min' : 'Max';
  return b.emit(
    extreme,
    axes.map((axis, index) => ratio(axis, wanted(index))),
  );
}

const asFloat = (b: GraphBuilder, value: string): string =>
  b.typeOf(value) === DataType.FLOAT ? value : b.emit('Cast', [value], { to: DataType.FLOAT });

const sizeOf = (b: GraphBuilder, value: string, axis: number): string => {
  const size = b.dimOf(value, axis);
  if (typeof size === 'number') return b.floats([], [size], DataType.FLOAT);
  return b.emit('Cast', [b.emit('Gather', [b.shape(value), b.int(axis)])], { to: DataType.FLOAT });
};

/** Whether every pixel becomes `scale` equal ones: all positions of a block are rounded to it. */
function repeats({ mode, coordinates, nearest }: Interpolation, scale: number): boolean {
  if (mode !== 'nearest' || !Number.isInteger(scale) || scale < 1) return false;
  if (scale === 1) return true;
  // i/s, from 0 to 1 − 1/s
  if (coordinates === 'asymmetric') return nearest === 'floor' || (nearest === 'round_prefer_floor' && scale === 2);
  // (i + ½)/s − ½, which is nearer than ½ to its pixel
  return coordinates.includes('half_pixel') && coordinates !== 'tf_half_pixel_for_nn' && nearest.startsWith('round');
}

function blockSum(site: Site, kernel: readonly number[]): string {
  const { b, g } = site;
  const mean = b.emit('AveragePool', [g], { kernel_shape: kernel, strides: kernel });
  b.assumeShapeOf(mean, site.x());
  return b.scale(
    mean,
    kernel.reduce((product, s) => product * s, 1),
  );
}

/** Multiplies by a matrix [to, from] along one axis; axes before the last two are moved there and back. */
function alongAxis(b: GraphBuilder, value: string, axis: number, matrix: string): string {
  const rank = b.rankOf(value);
  if (axis === rank - 1 && rank > 1) return b.emit('MatMul', [value, matrix]);
  if (axis === rank - 2) return b.emit('MatMul', [b.transpose(matrix, [1, 0]), value]);
  const swap = [...Array(rank).keys()].map((i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i));
  return b.transpose(b.emit('MatMul', [b.transpose(value, swap), matrix]), swap);
}

export const resizeRules: RuleTable = { Resize: resize };
