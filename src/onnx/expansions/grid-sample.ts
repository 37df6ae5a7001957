import { intAttribute, stringAttribute } from '../attributes';
import type { GraphBuilder } from '../builder';
import { DataType } from '../dtype';
import type { Operation } from '../rules/rule';
import type { ExpansionTable } from './expansion';

type PaddingMode = 'zeros' | 'border' | 'reflection';

/** One of the grid points around a place along an axis: [N, P] integers inside the image, and their weights. */
interface Tap {
  readonly index: string;
  /** undefined where it is one */
  readonly weight: string | undefined;
}

/** The points of one axis that a value is mixed from. */
interface Axis {
  readonly taps: readonly Tap[];
  /** The size of the image along the axis, int64. */
  readonly size: string;
}

/**
 * GridSample(X [N, C, d₁ … d_r], grid [N, o₁ … o_r, r]) at places in −1 … 1: for each axis the one or two nearest points,
 * whose values are picked and weighted. Both the image and the grid get gradients, as in PyTorch's `grid_sample`.
 */
function gridSample(op: Operation): string[] {
  const { b, node } = op;
  const [image, grid] = [op.x(0), op.x(1)];
  const rank = op.rank() - 2;
  const mode = stringAttribute(node, 'mode', 'bilinear');
  if (/cubic$/.test(mode)) op.onlyIf('its mode is linear or nearest');
  const padding = stringAttribute(node, 'padding_mode', 'zeros') as PaddingMode;
  const aligned = intAttribute(node, 'align_corners', 0) === 1;
  const sizes = b.shape(image);
  const part = (shape: string, from: number, to: number) =>
    b.emit('Slice', [shape, b.ints([from]), b.ints([to]), b.ints([0])]);
  const head = part(sizes, 0, 2);
  const axes = Array.from({ length: rank }, (_, i): Axis => {
    const size = b.emit('Gather', [sizes, b.int(i + 2)]);
    // The last coordinate belongs to the first axis.
    const place = b.reshape(b.emit('Gather', [grid, b.int(rank - 1 - i)], { axis: -1 }), [0, 1, -1]);
    return { taps: tapsOf(b, place, size, mode === 'nearest', padding, aligned), size };
  });
  const flat = b.emit('Reshape', [image, b.emit('Concat', [head, b.ints([-1])], { axis: 0 })]);
  const channels = b.emit('Concat', [b.ints([1]), part(sizes, 1, 2), b.ints([1])], { axis: 0 });
  let taps = axes[0]?.taps ?? [];
  for (const axis of axes.slice(1)) {
    taps = taps.flatMap((outer) =>
      axis.taps.map((inner) => ({
        index: b.add(b.mul(outer.index, axis.size), inner.index),
        weight: outer.weight && inner.weight ? b.mul(outer.weight, inner.weight) : (outer.weight ?? inner.weight),
      })),
    );
  }
  const values = taps.map(({ index, weight }) => {
    const picked = b.emit('GatherElements', [flat, b.emit('Expand', [index, channels])], { axis: 2 });
    return weight === undefined ? picked : b.mul(picked, weight);
  });
  const sum = values.reduce((total, value) => b.add(total, value));
  const target = b.emit('Concat', [head, part(b.shape(grid), 1, rank + 1)], { axis: 0 });
  return [b.emit('Reshape', [sum, target])];
}

/** @param place [N, 1, P] in −1 … 1, of which the ends are the centres of the outer points (`aligned`) or their edges */
function tapsOf(
  b: GraphBuilder,
  place: string,
  size: string,
  nearest: boolean,
  padding: PaddingMode,
  aligned: boolean,
): Tap[] {
  const number = (value: number) => b.scalar(value, place);
  const length = b.emit('Cast', [size], { to: b.typeOf(place) });
  const last = b.sub(length, number(1));
  const fromStart = b.add(place, number(1));
  let at = aligned ? b.mul(fromStart, b.scale(last, 0.5)) : b.sub(b.mul(fromStart, b.scale(length, 0.5)), number(0.5));
  if (padding === 'reflection') {
    // There and back between the outer points' centres or edges: a wave of twice their distance. (Of a single point the
    // distance is zero, but then the clip below leaves no choice.)
    const start = number(aligned ? 0 : -0.5);
    const span = b.emit('Max', [aligned ? last : length, number(1)]);
    const way = b.emit('Abs', [b.sub(at, start)]);
    const period = b.scale(span, 2);
    const phase = b.sub(way, b.mul(b.emit('Floor', [b.div(way, period)]), period));
    at = b.add(b.sub(span, b.emit('Abs', [b.sub(phase, span)])), start);
  }
  if (padding !== 'zeros') at = b.emit('Clip', [at, number(0), last]);
  const below = b.emit(nearest ? 'Round' : 'Floor', [at]);
  const share = b.sub(at, below);
  const points = nearest
    ? [{ point: below, weight: undefined }]
    : [
        { point: below, weight: b.sub(number(1), share) },
        { point: b.add(below, number(1)), weight: share },
      ];
  return points.map(({ point, weight }) => {
    const inside = b.emit('Clip', [point, number(0), last]);
    const index = b.emit('Cast', [inside], { to: DataType.INT64 });
    if (padding !== 'zeros') return { index, weight };
    const mask = b.emit('Cast', [b.emit('Equal', [inside, point])], { to: b.typeOf(place) });
    return { index, weight: weight === undefined ? mask : b.mul(weight, mask) };
  });
}

export const gridSampleExpansions: ExpansionTable = { GridSample: gridSample };
