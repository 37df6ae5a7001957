import type { GraphBuilder } from '../builder';

/**
 * The adjoint of broadcasting: sums `gradient` over the axes along which `target` was repeated, so that the result
 * has the shape of `target`. Where shapes are known the axes are constants; otherwise the graph finds them itself.
 */
export function unbroadcast(b: GraphBuilder, gradient: string, target: string): string {
  const [from, to] = [b.shapeOf(gradient), b.shapeOf(target)];
  if (from === null || to === null) return unbroadcastDynamic(b, gradient, target);
  const leading = from.length - to.length;
  const axes: number[] = [];
  for (const [axis, size] of from.entries()) {
    const wanted = axis < leading ? 1 : (to[axis - leading] ?? null);
    if (axis < leading || (wanted === 1 && size !== 1)) axes.push(axis);
    else if ((wanted !== size || wanted === null) && (typeof wanted !== 'number' || wanted === 1))
      return unbroadcastDynamic(b, gradient, target);
  }
  // Leading axes are dropped, the others keep their place with size one.
  const kept = axes.filter((axis) => axis >= leading);
  const dropped = axes.filter((axis) => axis < leading);
  let result = kept.length > 0 ? b.reduceSum(gradient, kept, true) : gradient;
  if (dropped.length > 0) result = b.reduceSum(result, dropped, false);
  return result;
}

/** axes = where(target's shape, padded with ones in front, is one); summing over an axis of size one does nothing. */
function unbroadcastDynamic(b: GraphBuilder, gradient: string, target: string): string {
  const size = b.shape(target);
  const missing = b.sub(b.emit('Size', [b.shape(gradient)]), b.emit('Size', [size]));
  const ones = b.emit('Expand', [b.int(1), b.emit('Unsqueeze', [missing, b.ints([0])])]);
  const padded = b.emit('Concat', [ones, size], { axis: 0 });
  const repeated = b.emit('NonZero', [b.emit('Equal', [padded, b.int(1)])]);
  const axes = b.emit('Reshape', [repeated, b.ints([-1])]);
  const summed = b.emit('ReduceSum', [gradient, axes], { keepdims: 1, noop_with_empty_axes: 1 });
  const result = b.emit('Reshape', [summed, size]);
  b.assumeShapeOf(result, target);
  return result;
}

/** The number of elements of a value, as a scalar of its own type. */
export function sizeOf(b: GraphBuilder, value: string): string {
  return b.emit('Cast', [b.emit('Size', [value])], { to: b.typeOf(value) });
}

/** `Where(condition, value, 0)`. */
export function maskWith(b: GraphBuilder, condition: string, value: string): string {
  return b.emit('Where', [condition, value, b.scalar(0, value)]);
}

/** The value in the element type of another. */
export function toTypeOf(b: GraphBuilder, value: string, like: string): string {
  const to = b.typeOf(like);
  return b.typeOf(value) === to ? value : b.emit('Cast', [value], { to });
}

/** A dimension as an int64 vector with one element. */
export function sizeAlong(b: GraphBuilder, value: string, axis: number): string {
  return b.emit('Gather', [b.shape(value), b.ints([axis])]);
}
