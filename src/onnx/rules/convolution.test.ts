import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expectGradient, graphOf, spread, type Feeds } from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';
import { UnsupportedOperatorError } from '../errors';
import { buildVjpGraph } from '../vjp';

const small = fc.integer({ min: 1, max: 3 });
const opset = 21;
/** One spatial axis of a convolution. */
const axis = fc
  .record({
    kernel: small,
    stride: small,
    dilation: fc.integer({ min: 1, max: 2 }),
    before: fc.nat(2),
    after: fc.nat(2),
    extra: fc.nat(3),
  })
  .map((a) => ({ ...a, reach: a.dilation * (a.kernel - 1) }))
  .map((a) => ({ ...a, size: a.reach + 1 + a.extra }));
const draw = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  inGroup: fc.integer({ min: 1, max: 2 }),
  outGroup: fc.integer({ min: 1, max: 2 }),
  group: fc.integer({ min: 1, max: 3 }),
  axes: fc.array(axis, { minLength: 1, maxLength: 3 }),
  seed: fc.nat(1000),
  dynamic: fc.boolean(),
});
const weightIs = fc.constantFrom('constant', 'constant', 'an input');

/** Emits the convolution with a weight and bias that are constants or graph inputs. */
function convolve(
  operator: string,
  shape: readonly number[],
  bias: readonly number[],
  seed: number,
  constant: boolean,
) {
  const [w, c] = [spread(shape, seed + 1), spread(bias, seed + 2)];
  const feeds: Feeds = constant ? {} : { w, c };
  const body = (b: GraphBuilder, attributes: Parameters<GraphBuilder['emit']>[2]) =>
    b.emit(
      operator,
      ['x', ...(constant ? [w, c].map((values) => b.floats(values.shape, values.data, b.typeOf('x'))) : ['w', 'c'])],
      attributes,
    );
  return { feeds, body };
}

test('Conv matches differences for strides, pads, dilations, groups, dynamic weights, and unknown image sizes', async () => {
  await fc.assert(
    fc.asyncProperty(draw, weightIs, async ({ batch, inGroup, outGroup, group, axes, seed, dynamic }, weight) => {
      const attributes = {
        kernel_shape: axes.map(({ kernel }) => kernel),
        strides: axes.map(({ stride }) => stride),
        dilations: axes.map(({ dilation }) => dilation),
        pads: [...axes.map(({ before }) => before), ...axes.map(({ after }) => after)],
        group,
      };
      const { feeds, body } = convolve(
        'Conv',
        [outGroup * group, inGroup, ...attributes.kernel_shape],
        [outGroup * group],
        seed,
        weight === 'constant',
      );
      const x = spread([batch, inGroup * group, ...axes.map(({ size }) => size)], seed);
      await expectGradient({ x, ...feeds }, (b) => body(b, attributes), { opset, dynamic });
    }),
    { numRuns: 60, seed: 4 },
  );
});

test('Conv with auto_pad matches differences, at unknown image sizes too', async () => {
  const autoPad = fc.constantFrom('SAME_UPPER', 'SAME_LOWER', 'VALID');
  await fc.assert(
    fc.asyncProperty(draw, autoPad, async ({ batch, inGroup, outGroup, group, axes, seed, dynamic }, auto_pad) => {
      const attributes = {
        auto_pad,
        kernel_shape: axes.map(({ kernel }) => kernel),
        strides: axes.map(({ stride }) => stride),
        // ONNX Runtime has no dilation with SAME.
        dilations: axes.map(({ dilation }) => (auto_pad === 'VALID' ? dilation : 1)),
        group,
      };
      const shape = [outGroup * group, inGroup, ...attributes.kernel_shape];
      const { body } = convolve('Conv', shape, [outGroup * group], seed, true);
      const x = spread([batch, inGroup * group, ...axes.map(({ size }) => size)], seed);
      await expectGradient({ x }, (b) => body(b, attributes), { opset, dynamic });
    }),
    { numRuns: 40, seed: 8 },
  );
});

test('ConvTranspose matches differences for strides, pads, dilations, output padding, groups and dynamic weights', async () => {
  await fc.assert(
    fc.asyncProperty(draw, weightIs, async ({ batch, inGroup, outGroup, group, axes, seed, dynamic }, weight) => {
      const attributes = {
        kernel_shape: axes.map(({ kernel }) => kernel),
        strides: axes.map(({ stride }) => stride),
        dilations: axes.map(({ dilation }) => dilation),
        pads: [...axes.map(({ before, reach }) => Math.min(before, reach)), ...axes.map(() => 0)],
        output_padding: axes.map(({ after, stride }) => Math.min(after, stride - 1)),
        group,
      };
      const { feeds, body } = convolve(
        'ConvTranspose',
        [inGroup * group, outGroup, ...attributes.kernel_shape],
        [outGroup * group],
        seed,
        weight === 'constant',
      );
      const x = spread([batch, inGroup * group, ...axes.map(({ extra }) => extra + 2)], seed);
      await expectGradient({ x, ...feeds }, (b) => body(b, attributes), { opset, dynamic });
    }),
    { numRuns: 60, seed: 5 },
  );
});

test('ConvTranspose with auto_pad or output_shape matches differences', async () => {
  const autoPad = fc.constantFrom('SAME_UPPER', 'SAME_LOWER', 'VALID', 'NOTSET');
  await fc.assert(
    fc.asyncProperty(draw, autoPad, weightIs, async (drawn, auto_pad, weight) => {
      const { batch, inGroup, outGroup, group, axes, seed, dynamic } = drawn;
      const sizes = axes.map(({ extra }) => extra + 2);
      const whole = axes.map(({ stride, reach }, i) => (sizes[i]! - 1) * stride + reach + 1);
      const attributes = {
        auto_pad,
        kernel_shape: axes.map(({ kernel }) => kernel),
        strides: axes.map(({ stride }) => stride),
        dilations: axes.map(({ dilation }) => dilation),
        output_shape: auto_pad === 'NOTSET' ? whole.map((size, i) => Math.max(1, size - axes[i]!.before)) : undefined,
        group,
      };
      const { feeds, body } = convolve(
        'ConvTranspose',
        [inGroup * group, outGroup, ...attributes.kernel_shape],
        [outGroup * group],
        seed,
        weight === 'constant',
      );
      const x = spread([batch, inGroup * group, ...sizes], seed);
      await expectGradient({ x, ...feeds }, (b) => body(b, attributes), { opset, dynamic });
    }),
    { numRuns: 60, seed: 9 },
  );
});

test('the gradient of a convolution with stride one is a convolution', () => {
  const x = spread([1, 2, 5, 5], 1);
  const { body } = convolve('Conv', [3, 2, 3, 3], [3], 1, true);
  const operators = buildVjpGraph(graphOf({ x }, (b) => body(b, { pads: [1, 1, 1, 1] }))).graph.node.map(
    (node) => node.opType,
  );
  expect(operators.filter((operator) => operator.startsWith('Conv'))).toEqual(['Conv', 'Conv']);
});

test('a kernel of unknown size is refused by name', () => {
  const feeds = { x: spread([1, 1, 3, 3], 1), w: spread([1, 1, 2, 2], 2) };
  const model = graphOf(feeds, (b) => b.emit('Conv', ['x', 'w']), { dynamic: true });
  expect(() => buildVjpGraph(model)).toThrow(UnsupportedOperatorError);
  expect(() => buildVjpGraph(model)).toThrow(/Conv node "s4s_Conv_1" .*the size of its kernel is known/);
});

test('a dynamic weight under strided automatic pads needs a fixed image size', () => {
  const feeds = { x: spread([1, 1, 3, 3], 1), w: spread([1, 1, 2, 2], 2) };
  const attributes = { kernel_shape: [2, 2], strides: [2, 2], auto_pad: 'SAME_UPPER' };
  const model = graphOf(feeds, (b) => b.emit('Conv', ['x', 'w'], attributes), { dynamic: true });
  expect(() => buildVjpGraph(model)).toThrow(/Conv node .* its pads are explicit or the image size is fixed/);
});
