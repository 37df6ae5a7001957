import { intAttribute } from '../attributes';
import type { GraphBuilder } from '../builder';
import type { Operation } from '../rules/rule';
import { positions } from './attend';
import type { Expansion, ExpansionTable } from './expansion';

/**
 * Rotary position embedding (Su et al. 2021, arXiv:2104.09864): pairs (x₁, x₂) of features are turned to
 * (x₁·cos − x₂·sin, x₁·sin + x₂·cos). Pairs are neighbours (interleaved), or lie half the turned features apart.
 *
 * @param cos [batch or one, length, pairs]; so has `sin`
 */
function rotate(operation: Operation, cos: string, sin: string): string {
  const { b, node } = operation;
  const x = operation.x();
  const flat = operation.rank() === 3;
  // [batch, length, heads, size], or as it is: [batch, heads, length, size]
  const value = flat ? b.reshape(x, [0, 0, ...headsAndSize(operation, cos)]) : x;
  const angles = [cos, sin].map((angle) => b.emit('Unsqueeze', [angle, b.ints([flat ? 2 : 1])]));
  const [turning, ...rest] = splitTurning(b, value, intAttribute(node, 'rotary_embedding_dim', 0));
  const turn = intAttribute(node, 'interleaved', 0) === 1 ? turnNeighbours : turnHalves;
  const turned = turn(b, turning, angles);
  return b.reshapeLike(rest.length === 0 ? turned : b.emit('Concat', [turned, ...rest], { axis: 3 }), x);
}

function headsAndSize(operation: Operation, cos: string): number[] {
  const heads = intAttribute(operation.node, 'num_heads', 0);
  if (heads > 0) return [heads, -1];
  const pairs = operation.b.dimOf(cos, 2);
  return typeof pairs === 'number'
    ? [-1, 2 * pairs]
    : operation.onlyIf('its attribute num_heads is given or the size of its cos_cache is fixed');
}

/** The features that are turned, the first `size` (0 for all), and those that are not. */
function splitTurning(b: GraphBuilder, value: string, size: number): [string, ...string[]] {
  const all = b.dimOf(value, 3);
  if (size === 0 || size === all) return [value];
  const slice = (start: number, end: number) => b.emit('Slice', [value, b.ints([start]), b.ints([end]), b.ints([3])]);
  return [slice(0, size), slice(size, Number.MAX_SAFE_INTEGER)];
}

function turnHalves(b: GraphBuilder, value: string, angles: readonly string[]): string {
  return b.emit('Concat', turnPairs(b, b.splitEqually(value, 2, 3), angles), { axis: 3 });
}

function turnNeighbours(b: GraphBuilder, value: string, angles: readonly string[]): string {
  const pairs = b.splitEqually(b.reshape(value, [0, 0, 0, -1, 2]), 2, 4);
  const columns = angles.map((angle) => b.emit('Unsqueeze', [angle, b.ints([4])]));
  return b.reshapeLike(b.emit('Concat', turnPairs(b, pairs, columns), { axis: 4 }), value);
}

function turnPairs(b: GraphBuilder, pair: readonly string[], angles: readonly string[]): string[] {
  const [x1 = '', x2 = ''] = pair;
  const [cos = '', sin = ''] = angles;
  return [b.sub(b.mul(x1, cos), b.mul(x2, sin)), b.add(b.mul(x1, sin), b.mul(x2, cos))];
}

/** https://onnx.ai/onnx/operators/onnx__RotaryEmbedding.html: x, cos, sin, positions. */
const rotary: Expansion = (operation) => {
  const [cos = '', sin = ''] = [1, 2].map((index) =>
    operation.has(3)
      ? operation.b.emit('Gather', [operation.x(index), operation.x(3)], { axis: 0 })
      : operation.x(index),
  );
  return [rotate(operation, cos, sin)];
};

/** ONNX Runtime's own: x, positions, cos, sin. One position alone is that of the first row. Its scale is unused there too. */
const contribRotary: Expansion = (operation) => {
  const { b, node } = operation;
  if (intAttribute(node, 'is_packed_batching', 0) === 1) operation.onlyIf('its attribute is_packed_batching is 0');
  const given = operation.x(1);
  const isFirst = operation.rank(1) < 2 || b.shapeOf(given)?.every((size) => size === 1) === true;
  const length = positions(b, operation.x(), operation.rank() === 3 ? 1 : 2);
  const ids = isFirst ? b.emit('Unsqueeze', [b.add(length, b.reshape(given, [-1])), b.ints([0])]) : given;
  const [cos = '', sin = ''] = [2, 3].map((index) => b.emit('Gather', [operation.x(index), ids], { axis: 0 }));
  return [rotate(operation, cos, sin)];
};

export const rotaryExpansions: ExpansionTable = {
  RotaryEmbedding: rotary,
  'com.microsoft.RotaryEmbedding': contribRotary,
};
