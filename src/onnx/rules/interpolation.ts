import type { GraphBuilder } from '../builder';
import { DataType } from '../dtype';

/** The attributes of `Resize` that decide where an output pixel comes from. */
export interface Interpolation {
  readonly mode: string;
  readonly coordinates: string;
  readonly nearest: string;
  readonly cubicA: number;
  readonly antialias: boolean;
  readonly excludeOutside: boolean;
}

/** One axis of a `Resize`: float32 scalars in the graph; the region of interest only where the mode crops. */
export interface ResizedAxis {
  readonly from: string;
  readonly to: string;
  readonly scale: string;
  readonly start?: string | undefined;
  readonly end?: string | undefined;
}

const number = (b: GraphBuilder, value: number): string => b.floats([], [value], DataType.FLOAT);

/**
 * The matrix [to, from] of a resize along one axis, float32, computed in the graph from the operator's definition: ONNX
 * Runtime folds it to a constant where the sizes are fixed. The arithmetic is in float32 and in the order of ONNX
 * Runtime's kernels, so that positions halfway between two pixels are rounded as in the forward pass.
 */
export function interpolationMatrix(b: GraphBuilder, settings: Interpolation, given: ResizedAxis): string {
  const axis = settings.antialias ? { ...given, scale: unlessKept(b, given) } : given;
  const position = b.emit('Unsqueeze', [sourcePosition(b, settings.coordinates, axis), b.ints([1])]);
  const last = b.sub(axis.from, number(b, 1));
  const columns = integers(b, number(b, 0), axis.from);
  const clamp = (index: string) => b.emit('Clip', [index, number(b, 0), last]);
  const pick = (index: string) => toFloat(b, b.emit('Equal', [index, columns]));
  const matrix =
    settings.mode === 'nearest'
      ? pick(clamp(roundBy(b, settings.nearest, position)))
      : filterMatrix(b, settings, axis, position, columns, (outer) => pick(clamp(outer)));
  if (settings.coordinates !== 'tf_crop_and_resize') return matrix;
  // Pixels from outside the image have a constant value.
  return b.emit('Where', [b.emit('Equal', [position, clamp(position)]), matrix, number(b, 0)]);
}

/** With antialiasing ONNX Runtime leaves an axis as it is that keeps its size, even at a scale such as 1.1. */
const unlessKept = (b: GraphBuilder, { from, to, scale }: ResizedAxis): string =>
  b.emit('Where', [b.emit('Equal', [from, to]), number(b, 1), scale]);

/**
 * Weights h(|position − column|·s) with a filter h, widened by s = min(scale, 1) against aliasing, that add up to one.
 * Columns beyond the border have the value of the border, or do not count.
 */
function filterMatrix(
  b: GraphBuilder,
  settings: Interpolation,
  axis: ResizedAxis,
  position: string,
  columns: string,
  toBorder: (outer: string) => string,
): string {
  const shrink = settings.antialias ? b.emit('Min', [axis.scale, number(b, 1)]) : undefined;
  const weights = (at: string) => {
    const distance = b.emit('Abs', [b.sub(position, at)]);
    const values = filter(b, settings, shrink === undefined ? distance : b.mul(distance, shrink));
    return b.div(values, b.reduceSum(values, [1], true));
  };
  if (settings.excludeOutside) return weights(columns);
  const radius = number(b, settings.mode === 'cubic' ? 2 : 1);
  const reach = b.add(b.emit('Ceil', [shrink === undefined ? radius : b.div(radius, shrink)]), number(b, 1));
  const outer = integers(b, b.neg(reach), b.add(axis.from, reach));
  return b.emit('MatMul', [weights(outer), toBorder(b.emit('Unsqueeze', [outer, b.ints([1])]))]);
}

/** The hat function, or Keys' cubic convolution kernel with coefficient a (Keys 1981), of a distance. */
function filter(b: GraphBuilder, { mode, cubicA: a }: Interpolation, d: string): string {
  if (mode === 'linear') return b.emit('Relu', [b.sub(number(b, 1), d)]);
  const horner = (...coefficients: readonly number[]) =>
    coefficients.slice(1).reduce((sum, c) => b.add(b.mul(sum, d), number(b, c)), number(b, coefficients[0] ?? 0));
  const below = (limit: number) => b.emit('Less', [d, number(b, limit)]);
  const inner = horner(a + 2, -(a + 3), 0, 1);
  const outer = horner(a, -5 * a, 8 * a, -4 * a);
  return b.emit('Where', [below(1), inner, b.emit('Where', [below(2), outer, number(b, 0)])]);
}

/** Where each output pixel lies in the input, [to]. */
function sourcePosition(b: GraphBuilder, mode: string, { from, to, scale, start, end }: ResizedAxis): string {
  const [zero, half, one] = [number(b, 0), number(b, 0.5), number(b, 1)];
  const row = integers(b, zero, to);
  const unlessSingle = (value: string, single: string) =>
    b.emit('Where', [b.emit('Greater', [to, one]), value, single]);
  const centre = () => b.div(b.add(row, half), scale);
  const steps = () => b.emit('Max', [b.sub(to, one), one]);
  const last = () => b.sub(from, one);
  switch (mode) {
    case 'asymmetric':
      return b.div(row, scale);
    case 'pytorch_half_pixel':
      return unlessSingle(b.sub(centre(), half), zero);
    case 'align_corners':
      return b.div(b.mul(row, last()), steps());
    case 'half_pixel_symmetric': {
      const adjustment = b.div(to, b.mul(scale, from));
      const offset = b.mul(b.mul(from, half), b.sub(one, adjustment));
      return b.sub(b.add(offset, centre()), half);
    }
    case 'tf_crop_and_resize': {
      const [first, end_] = [start ?? zero, end ?? one];
      const inside = b.div(b.mul(b.mul(row, b.sub(end_, first)), last()), steps());
      const middle = b.mul(b.mul(half, b.add(first, end_)), last());
      // ONNX Runtime does not crop along an axis of scale one.
      const cropped = unlessSingle(b.add(b.mul(first, last()), inside), middle);
      return b.emit('Where', [b.emit('Equal', [scale, one]), row, cropped]);
    }
    case 'tf_half_pixel_for_nn':
      return centre();
    default:
      return b.sub(centre(), half);
  }
}

function roundBy(b: GraphBuilder, mode: string, position: string): string {
  const half = number(b, 0.5);
  const floor = b.emit('Floor', [position]);
  switch (mode) {
    case 'floor':
      return floor;
    case 'ceil':
      return b.emit('Ceil', [position]);
    case 'round_prefer_ceil':
      return b.add(floor, toFloat(b, b.emit('GreaterOrEqual', [b.sub(position, floor), half])));
    default:
      return b.emit('Ceil', [b.sub(position, half)]);
  }
}

/** first, first + 1, … below the end, as float32. */
const integers = (b: GraphBuilder, first: string, end: string): string => b.emit('Range', [first, end, number(b, 1)]);

const toFloat = (b: GraphBuilder, value: string): string => b.emit('Cast', [value], { to: DataType.FLOAT });
