import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { float32, graphOf, relativeError, runModel, spread, type Values } from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';
import { DataType } from '../dtype';
import { TensorProtoSchema } from '../generated/onnx_pb';
import { buildVjpGraph } from '../vjp';

const opset = 23;

const integers = [
  { type: DataType.UINT8, bits: 8, low: 0, high: 255 },
  { type: DataType.INT8, bits: 8, low: -128, high: 127 },
  { type: DataType.UINT16, bits: 16, low: 0, high: 65535 },
  { type: DataType.INT16, bits: 16, low: -32768, high: 32767 },
  { type: DataType.UINT4, bits: 4, low: 0, high: 15 },
  { type: DataType.INT4, bits: 4, low: -8, high: 7 },
] as const;
type IntegerType = (typeof integers)[number];

/** A constant of an integer type; two 4-bit numbers share a byte, the first one below. */
function addIntegers(b: GraphBuilder, { type, bits }: IntegerType, dims: readonly number[], values: readonly number[]) {
  const bytes = new Uint8Array(Math.ceil((values.length * bits) / 8));
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    if (bits === 16) view.setInt16(2 * i, value, true);
    else if (bits === 8) view.setInt8(i, value);
    else bytes[i >> 1]! |= (value & 15) << (4 * (i & 1));
  });
  const name = b.fresh('integers');
  b.addInitialiser(create(TensorProtoSchema, { name, dataType: type, dims: dims.map(BigInt), rawData: bytes }));
  return name;
}

/** Round half to even, as the operator does. */
const round = (value: number) => {
  const nearest = Math.round(value);
  return Math.abs(value % 1) === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
};

const draw = fc.record({
  shape: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 0, maxLength: 4 }),
  granularity: fc.constantFrom('tensor', 'axis', 'block'),
  integer: fc.constantFrom(...integers),
  axis: fc.nat(3),
  fromEnd: fc.boolean(),
  block: fc.integer({ min: 1, max: 3 }),
  zeroPoints: fc.boolean(),
  stated: fc.boolean(),
  seed: fc.nat(1000),
  dynamic: fc.boolean(),
});

test('the gradient goes straight through where nothing is saturated', async () => {
  let saturated = 0;
  let passed = 0;
  await fc.assert(
    fc.asyncProperty(
      draw,
      async ({ shape, granularity, integer, axis, fromEnd, block, zeroPoints, stated, seed, dynamic }) => {
        const whole = granularity === 'tensor' || shape.length === 0;
        const at = whole ? 0 : axis % shape.length;
        const dims = whole
          ? []
          : granularity === 'axis'
            ? [shape[at] ?? 1]
            : shape.map((size, i) => (i === at ? Math.ceil(size / block) : size));
        // ONNX Runtime takes a scale of shape [1] as one for all, and then refuses block_size.
        fc.pre(granularity !== 'block' || dims.join() !== '1');
        const count = dims.reduce((a, b) => a * b, 1);
        const behind = shape.slice(at + 1).reduce((a, b) => a * b, 1);
        /** Which scale an element of x has. */
        const group = (element: number) => {
          if (whole) return 0;
          const along = Math.floor(element / behind) % (shape[at] ?? 1);
          if (granularity === 'axis') return along;
          const before = Math.floor(element / behind / (shape[at] ?? 1));
          return (before * (dims[at] ?? 1) + Math.floor(along / block)) * behind + (element % behind);
        };
        // Scales for which some of x, up to ±1.35 or more, is beyond the range.
        const unit = 1.5 / (integer.high - integer.low);
        const scales = Array.from({ length: count }, (_, i) => Math.fround(unit * (1 + Math.abs(Math.sin(seed + i)))));
        const back = scales.map((scale) => Math.fround(scale * 1.25));
        const points = scales.map((_, i) =>
          zeroPoints ? Math.round((integer.high + integer.low) / 2 + 3 * Math.sin(seed * i)) : 0,
        );
        const x = spread(shape, seed);
        const place = whole
          ? {}
          : { axis: fromEnd ? at - shape.length : at, ...(granularity === 'block' ? { block_size: block } : {}) };
        const body = (b: GraphBuilder) => {
          const point = zeroPoints ? addIntegers(b, integer, dims, points) : undefined;
          const output = point === undefined || stated ? { output_dtype: integer.type } : {};
          const q = b.emit('QuantizeLinear', ['x', b.floats(dims, scales, DataType.FLOAT), point], {
            ...place,
            ...output,
          });
          return b.emit('DequantizeLinear', [q, b.floats(dims, back, DataType.FLOAT), point], place);
        };
        const model = buildVjpGraph(graphOf({ x }, body, { opset, dynamic }));
        const cotangent = x.data.map((_, i) => Math.cos(1.7 * i + 0.3));
        const { x_gradient: gradient } = await runModel(model, { x, y_cotangent: { ...x, data: cotangent } });
        const expected = x.data.map((value, i) => {
          const [scale = 1, again = 1, point = 0] = [scales[group(i)], back[group(i)], points[group(i)]];
          const q = round(Math.fround(Math.fround(value) / scale)) + point;
          const inside = q >= integer.low && q <= integer.high;
          if (inside) passed++;
          else saturated++;
          return inside ? (cotangent[i]! * again) / scale : 0;
        });
        expect(
          relativeError(
            gradient,
            float32(
              shape,
              expected.map((value) => value + 0),
            ),
          ),
        ).toBeLessThan(1e-5);
      },
    ),
    { numRuns: 120, seed: 21 },
  );
  expect(Math.min(saturated, passed)).toBeGreaterThan(100);
});

async function gradientOf(x: Values, body: (b: GraphBuilder) => string) {
  const graph = graphOf({ x }, body, { opset });
  const { y } = await runModel(graph, { x });
  const cotangent = { ...y!, data: y!.data.map((_, i) => i + 1) };
  return (await runModel(buildVjpGraph(graph), { x, y_cotangent: cotangent }))['x_gradient']!.data;
}

const int8 = integers[1];
const quantized = (b: GraphBuilder, scale = 0.5) =>
  b.emit('QuantizeLinear', ['x', b.floats([], [scale], DataType.FLOAT)], { output_dtype: DataType.INT8 });
const dequantized = (b: GraphBuilder, q: string, scale = 0.5) =>
  b.emit('DequantizeLinear', [q, b.floats([], [scale], DataType.FLOAT)]);

test('the ends of the range let the gradient pass, as in fake_quantize of PyTorch', async () => {
  const x = float32([4], [-129, -128, 127, 128]);
  expect(await gradientOf(x, (b) => dequantized(b, quantized(b, 1), 1))).toEqual([0, 2, 3, 0]);
});

test('integers may be moved about before they are dequantised', async () => {
  const x = float32([2, 3], [1, 2, 3, 4, 5, 6]);
  const gradient = await gradientOf(x, (b) => {
    const swapped = b.transpose(quantized(b), [1, 0]);
    const joined = b.emit('Concat', [b.reshape(swapped, [1, 6]), b.reshape(quantized(b, 1), [1, 6])], { axis: 0 });
    return b.emit('Cast', [b.emit('Slice', [joined, b.ints([0]), b.ints([2]), b.ints([0])])], { to: DataType.FLOAT });
  });
  // (1 … 6 in the order of the transpose) / 0.5 + (7 … 12) / 1
  expect(gradient).toEqual([2 + 7, 6 + 8, 10 + 9, 4 + 10, 8 + 11, 12 + 12]);
});

test('a weight that the graph dequantises needs no rule', async () => {
  const x = float32([1, 2], [3, 4]);
  const gradient = await gradientOf(x, (b) => {
    const weight = addIntegers(b, int8, [2, 2], [1, 2, 3, 4]);
    return b.emit('MatMul', ['x', dequantized(b, weight)]);
  });
  // (1, 2)·Wᵀ / 2
  expect(gradient).toEqual([2.5, 5.5]);
});

describe('what is refused by name', () => {
  const x = spread([2, 2], 1);
  const zeros = (b: GraphBuilder) => addIntegers(b, integers[0], [2, 2], [0, 0, 0, 0]);

  test.each<[string, (b: GraphBuilder) => string]>([
    ['DynamicQuantizeLinear', (b) => dequantized(b, b.emitMany('DynamicQuantizeLinear', ['x'], 3)[0] ?? '')],
    [
      'MatMulInteger',
      (b) => b.emit('Cast', [b.emit('MatMulInteger', [quantized(b), zeros(b)])], { to: DataType.FLOAT }),
    ],
    ['ConvInteger', (b) => b.emit('Cast', [b.emit('ConvInteger', [quantized(b), zeros(b)])], { to: DataType.FLOAT })],
    ['QLinearMatMul', (b) => dequantized(b, b.emit('QLinearMatMul', [quantized(b), zeros(b)]))],
    ['QLinearConv', (b) => dequantized(b, b.emit('QLinearConv', [quantized(b), zeros(b)]))],
  ])('%s', (operator, body) => {
    expect(() => buildVjpGraph(graphOf({ x }, body, { opset }))).toThrow(
      new RegExp(`the operator ${operator} has no gradient rule`),
    );
  });

  test.each<[string, (b: GraphBuilder) => string, string]>([
    [
      'integers that are computed with',
      (b) => dequantized(b, b.emit('Max', [quantized(b)])),
      'it computes with floats',
    ],
    [
      'integers that are widened by hand',
      (b) => b.emit('Cast', [b.neg(b.emit('Cast', [quantized(b)], { to: DataType.INT32 }))], { to: DataType.FLOAT }),
      'it computes with floats',
    ],
    [
      'a scale that depends on the input',
      (b) => dequantized(b, b.emit('QuantizeLinear', ['x', b.emit('ReduceMax', ['x'], { keepdims: 0 })])),
      'its scale .* does not depend on the network’s input',
    ],
    [
      '8-bit floats',
      (b) => dequantized(b, b.emit('QuantizeLinear', ['x', b.scalar(1, 'x')], { output_dtype: DataType.FLOAT8E4M3FN })),
      'it makes integers of at most 16 bits',
    ],
  ])('%s', (_what, body, reason) => {
    expect(() => buildVjpGraph(graphOf({ x }, body, { opset }))).toThrow(
      new RegExp(`has a gradient here only if ${reason.replace('’', "'")}`),
    );
  });
});
