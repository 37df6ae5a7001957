import { intAttribute } from '../attributes';
import { DataType, isFloat } from '../dtype';
import { toTypeOf } from './broadcast';
import type { Rule, RuleTable, Site } from './rule';

// Straight through (Bengio et al. 2013, arXiv:1308.3432): rounding counts as the identity. The integers between
// QuantizeLinear and DequantizeLinear have float cotangents, per unit of the integer.

/** The range that QuantizeLinear saturates to, by element type. */
const ranges: Readonly<Record<DataType, readonly [number, number]>> = {
  [DataType.INT2]: [-2, 1],
  [DataType.UINT2]: [0, 3],
  [DataType.INT4]: [-8, 7],
  [DataType.UINT4]: [0, 15],
  [DataType.INT8]: [-128, 127],
  [DataType.UINT8]: [0, 255],
  [DataType.INT16]: [-32768, 32767],
  [DataType.UINT16]: [0, 65535],
};

/**
 * A scale or zero point in a shape that broadcasts over x: one for all, one for each index of an axis, or one for each
 * block along it.
 */
function overInput(site: Site, parameter: string): string {
  const { b, node } = site;
  const axis = site.axis(intAttribute(node, 'axis', 1));
  const block = intAttribute(node, 'block_size', 0);
  if (block > 0) {
    // The cotangent has the shape of x; ONNX Runtime has no Shape of 4-bit integers.
    const length = b.emit('Gather', [b.shape(site.g), b.int(axis)]);
    const places = b.emit('Range', [b.int(0), length, b.int(1)]);
    return b.emit('Gather', [parameter, b.div(places, b.int(block))], { axis });
  }
  const [size, ...more] = b.shapeOf(parameter) ?? site.onlyIf(`the shape of its scale ("${site.x(1)}") is known`);
  if (size === undefined) return parameter;
  if (more.length > 0) site.onlyIf('its block_size is given where its scale has two or more dimensions');
  if (size === 1) return b.reshape(parameter, []);
  const behind = site.rank() - 1 - axis;
  return behind > 0 ? b.emit('Unsqueeze', [parameter, b.ints([...Array(behind).keys()].map((i) => i + 1))]) : parameter;
}

/** The scale for the elements of x, in the type of `like`. */
function scaleOf(site: Site, like: string): string {
  site.requireConstant(1, 'scale');
  site.requireConstant(2, 'zero point');
  return overInput(site, toTypeOf(site.b, site.x(1), like));
}

/** y = saturate(round(x / scale) + zero point): x̄ = ȳ / scale where nothing is cut off. */
const quantize: Rule = (site) => {
  const { b } = site;
  const x = site.x();
  const range = ranges[b.typeOf(site.y())] ?? site.onlyIf('it makes integers of at most 16 bits');
  const scale = scaleOf(site, x);
  const rounded = b.emit('Round', [b.div(x, scale)]);
  const whole = site.has(2) ? b.add(rounded, overInput(site, toTypeOf(b, site.x(2), x))) : rounded;
  const [lowest, highest] = range.map((bound) => b.scalar(bound, x));
  const cut = b.emit('Or', [b.emit('Less', [whole, lowest]), b.emit('Greater', [whole, highest])]);
  const gradient = b.div(toTypeOf(b, site.g, x), scale);
  return [b.emit('Where', [cut, b.scalar(0, x), gradient])];
};

/** y = (x − zero point) · scale */
const dequantize: Rule = (site) => [site.b.mul(site.g, scaleOf(site, site.g))];

export const quantisationRules: RuleTable = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
};

/** The operators whose rules hold for integers that stand for floats. */
const followed = new Set(
  (
    'DequantizeLinear Cast Identity Reshape Flatten Squeeze Unsqueeze Transpose Concat Slice Pad Expand Tile ' +
    'Gather GatherElements GatherND DepthToSpace SpaceToDepth'
  ).split(' '),
);

/** Refuses operators that compute with the integers of QuantizeLinear, which is not what their rules are written for. */
export function requireFloats(site: Site): void {
  const { b, node } = site;
  const integer = node.input.some((name, i) => {
    const { type } = b.factsOf(name);
    return site.wants(i) && type !== DataType.UNDEFINED && !isFloat(type);
  });
  if (integer && !followed.has(node.opType))
    site.onlyIf('it computes with floats; export the model with DequantizeLinear before it');
}
