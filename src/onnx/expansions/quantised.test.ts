import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { emitContrib, expectSameForward } from '../../../test/support/contrib-run';
import { expectGradient, float32, graphOf, runModel, spread, type Feeds } from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';
import { DataType } from '../dtype';
import { TensorProtoSchema } from '../generated/onnx_pb';
import type { OnnxModel } from '../model';
import { buildVjpGraph } from '../vjp';

/** Bytes decided by the seed. */
const bytes = (count: number, seed: number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => Math.floor(Math.abs(Math.sin(seed + 1.3 * i)) * 255.99));

/** A constant of whole bytes. */
function constant(b: GraphBuilder, name: string, dims: readonly number[], data: Uint8Array): string {
  b.addInitialiser(
    create(TensorProtoSchema, { name, dataType: DataType.UINT8, dims: dims.map(BigInt), rawData: data }),
  );
  return name;
}

test('"com.microsoft.MatMulNBits" equals ONNX Runtime\'s own and its gradient matches differences', async () => {
  const draw = fc.record({
    rows: fc.integer({ min: 1, max: 2 }),
    outputs: fc.integer({ min: 1, max: 3 }),
    columns: fc.constantFrom(16, 24, 40),
    bits: fc.constantFrom(2, 4, 8),
    zero: fc.constantFrom('none', 'packed', 'float'),
    biased: fc.boolean(),
    flatScales: fc.boolean(),
    seed: fc.nat(1000),
    dynamic: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(draw, async ({ rows, outputs, columns, bits, zero, biased, flatScales, seed, dynamic }) => {
      const blocks = Math.ceil(columns / 16);
      // ONNX Runtime takes zero points in float with fewer bits only.
      const form = zero === 'float' && bits === 8 ? 'packed' : zero;
      const feeds: Feeds = { x: spread([2, rows, columns], seed) };
      const body = (b: GraphBuilder) => {
        const type = b.typeOf('x');
        const scales = Array.from({ length: outputs * blocks }, (_, i) => 0.01 + 0.005 * Math.sin(i + seed));
        const weight = constant(b, 'weight', [outputs, blocks, 2 * bits], bytes(outputs * blocks * 2 * bits, seed));
        const perRow = Math.ceil((blocks * bits) / 8);
        const zeros = {
          none: () => undefined,
          packed: () =>
            constant(b, 'zero', flatScales ? [outputs * perRow] : [outputs, perRow], bytes(outputs * perRow, seed + 1)),
          float: () =>
            b.floats(
              [outputs, blocks],
              scales.map((scale) => 400 * scale),
              type,
            ),
        }[form]();
        const inputs = [
          'x',
          weight,
          b.floats(flatScales ? [outputs * blocks] : [outputs, blocks], scales, type),
          zeros,
          undefined,
          biased ? b.floats([outputs], scales.slice(0, outputs), type) : undefined,
        ];
        return emitContrib(b, 'MatMulNBits', inputs, { N: outputs, K: columns, bits, block_size: 16 })[0]!;
      };
      await expectSameForward(graphOf(feeds, body, { opset: 21, dynamic }), feeds);
      await expectGradient(feeds, body, { opset: 21, dynamic });
    }),
    { numRuns: 30, seed: 1 },
  );
});

test.each([
  [{ bits: 3 }, false, 'its weights have 2, 4 or 8 bits'],
  [{ bits: 4 }, true, 'its deprecated input g_idx is left out'],
  [{ bits: 4, N: 0 }, false, 'its attributes N, K and block_size are given'],
])('MatMulNBits with %j (grouped: %s) is refused by name', (attributes, grouped, reason) => {
  const feeds = { x: spread([1, 16], 1), s: spread([1, 1], 2) };
  const model = graphOf(
    feeds,
    (b) => {
      const inputs = ['x', constant(b, 'weight', [1, 1, 8], bytes(8, 1)), 's', '', grouped ? b.ints([0]) : ''];
      return emitContrib(b, 'MatMulNBits', inputs, { N: 1, K: 16, block_size: 16, ...attributes })[0]!;
    },
    { opset: 21 },
  );
  expect(() => buildVjpGraph(model)).toThrow(`has a gradient here only if ${reason}`);
});

test('"com.microsoft.QuantizeLinear" and "com.microsoft.DequantizeLinear" are those of ONNX', async () => {
  const draw = fc.record({
    shape: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
    axis: fc.option(fc.nat(2), { nil: undefined }),
    seed: fc.nat(1000),
    dynamic: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(draw, async ({ shape, axis, seed, dynamic }) => {
      const at = axis === undefined ? undefined : axis % shape.length;
      const count = at === undefined ? 1 : shape[at]!;
      const dims = at === undefined ? [] : [count];
      const feeds: Feeds = {
        x: spread(shape, seed),
        scale: float32(
          dims,
          Array.from({ length: count }, (_, i) => 0.02 + 0.01 * i),
        ),
      };
      const model = (emit: typeof emitContrib) => {
        const body = (b: GraphBuilder) => {
          const zero = constant(b, 'zero', dims, bytes(count, seed));
          const [q = ''] = emit(b, 'QuantizeLinear', ['x', 'scale', zero], { axis: at });
          return emit(b, 'DequantizeLinear', [q, 'scale', zero], { axis: at })[0]!;
        };
        return graphOf(feeds, body, { opset: 21, dynamic });
      };
      const own = model(emitContrib);
      await expectSameForward(own, feeds);
      // The gradient goes straight through, which differences cannot show; src/onnx/rules tests what that means.
      const standard = model((b, operator, inputs, attributes) => b.emitMany(operator, inputs, 1, attributes));
      const gradient = async (m: OnnxModel) => {
        const fed = { ...feeds, y_cotangent: spread(shape, seed + 1) };
        return (await runModel(buildVjpGraph(m, { inputs: ['x'] }), fed))['x_gradient'];
      };
      expect(await gradient(own)).toEqual(await gradient(standard));
    }),
    { numRuns: 30, seed: 2 },
  );
});
