import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  expectGradient,
  expectVjpMatchesDifferences,
  graphOf,
  runModel,
  spread,
  type Feeds,
} from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';
import { buildVjpGraph } from '../vjp';

const size = fc.integer({ min: 1, max: 3 });
const shape = fc.array(size, { minLength: 1, maxLength: 4 });
/** [N, C, …] */
const image = fc.array(size, { minLength: 2, maxLength: 4 });
const common = { seed: fc.nat(1000), dynamic: fc.boolean() };
const parameters = { numRuns: 30, seed: 6 };
// Larger than usual, so that an axis of one element has no derivative that rounding can swamp.
const epsilon = { epsilon: { float: 0.1 } };

test.each(['Softmax', 'LogSoftmax'])('%s matches differences', async (operator) => {
  await fc.assert(
    fc.asyncProperty(fc.record({ shape, axis: fc.nat(3), ...common }), async ({ shape, axis, seed, dynamic }) => {
      const attributes = { axis: (axis % shape.length) - shape.length };
      await expectGradient({ x: spread(shape, seed) }, (b) => b.emit(operator, ['x'], attributes), {
        opset: 21,
        dynamic,
      });
    }),
    parameters,
  );
});

test('nothing flows back through Hardmax', async () => {
  await fc.assert(
    fc.asyncProperty(fc.record({ shape, ...common }), async ({ shape, seed, dynamic }) => {
      await expectGradient({ x: spread(shape, seed) }, (b) => b.add('x', b.emit('Hardmax', ['x'])), {
        opset: 21,
        dynamic,
      });
    }),
    parameters,
  );
});

/** Scale and bias of the normalised shape, or broadcast along its first axis; a constant scale of ones; no bias. */
const affine = fc.constantFrom('full', 'row', 'ones', 'no bias');

test('LayerNormalization matches differences in input, scale, bias, and through Mean and InvStdDev', async () => {
  const draw = fc.record({
    shape,
    axis: fc.nat(3),
    affine,
    outputs: fc.constantFrom([0], [1], [2], [0, 1, 2]),
    ...common,
  });
  await fc.assert(
    fc.asyncProperty(draw, async ({ shape, axis, affine, outputs, seed, dynamic }) => {
      const from = axis % shape.length;
      const inner = shape
        .slice(from)
        .map((dim, i) => (affine === 'row' && i === 0 && from < shape.length - 1 ? 1 : dim));
      const feeds: Feeds = {
        x: spread(shape, seed),
        ...(affine !== 'ones' && { scale: spread(inner, seed + 1) }),
        ...(affine !== 'no bias' && { bias: spread(inner, seed + 2) }),
      };
      const body = (b: GraphBuilder) => {
        const ones = b.floats(
          inner,
          spread(inner, 1).data.map(() => 1),
          b.typeOf('x'),
        );
        const inputs = ['x', affine === 'ones' ? ones : 'scale', affine === 'no bias' ? undefined : 'bias'];
        const results = b.emitMany('LayerNormalization', inputs, 3, { axis: from, ...epsilon });
        const chosen = outputs.map((i) => (i === 0 ? results[0]! : b.emit('CastLike', [results[i], 'x'])));
        return chosen.reduce((sum, value) => b.add(sum, value));
      };
      // Mean and InvStdDev are float32 whatever the type of x.
      if (outputs.some((i) => i > 0)) {
        await expectVjpMatchesDifferences(graphOf(feeds, body, { opset: 21, dynamic }), feeds);
      } else {
        await expectGradient(feeds, body, { opset: 21, dynamic });
      }
    }),
    parameters,
  );
});

test('RMSNormalization matches differences in input and scale', async () => {
  await fc.assert(
    fc.asyncProperty(fc.record({ shape, axis: fc.nat(3), ...common }), async ({ shape, axis, seed, dynamic }) => {
      const from = axis % shape.length;
      const feeds = { x: spread(shape, seed), scale: spread(shape.slice(from), seed + 1) };
      await expectGradient(feeds, (b) => b.emit('RMSNormalization', ['x', 'scale'], { axis: from, ...epsilon }), {
        opset: 23,
        dynamic,
      });
    }),
    parameters,
  );
});

test('InstanceNormalization matches differences in input, scale and bias', async () => {
  const draw = fc.record({ shape: fc.array(size, { minLength: 3, maxLength: 4 }), plain: fc.boolean(), ...common });
  await fc.assert(
    fc.asyncProperty(draw, async ({ shape, plain, seed, dynamic }) => {
      const channels = shape[1]!;
      const feeds: Feeds = {
        x: spread(shape, seed),
        ...(!plain && { scale: spread([channels], seed + 1), bias: spread([channels], seed + 2) }),
      };
      const body = (b: GraphBuilder) => {
        const constant = (value: number) => b.floats([channels], Array<number>(channels).fill(value), b.typeOf('x'));
        const [scale, bias] = plain ? [constant(1), constant(0)] : ['scale', 'bias'];
        return b.emit('InstanceNormalization', ['x', scale, bias], epsilon);
      };
      await expectGradient(feeds, body, { opset: 21, dynamic });
    }),
    parameters,
  );
});

test('GroupNormalization matches differences in input, scale and bias', async () => {
  const draw = fc.record({ image, groups: fc.integer({ min: 1, max: 3 }), ...common });
  await fc.assert(
    fc.asyncProperty(draw, async ({ image: [n = 1, inGroup = 1, ...spatial], groups, seed, dynamic }) => {
      const channels = groups * inGroup;
      const feeds = {
        x: spread([n, channels, ...spatial], seed),
        scale: spread([channels], seed + 1),
        bias: spread([channels], seed + 2),
      };
      const body = (b: GraphBuilder) =>
        b.emit('GroupNormalization', ['x', 'scale', 'bias'], { num_groups: groups, ...epsilon });
      // In double the operator still computes in float32 (its stash_type).
      await expectVjpMatchesDifferences(graphOf(feeds, body, { opset: 21, dynamic }), feeds);
    }),
    parameters,
  );
});

test('BatchNormalization in inference matches differences in every input', async () => {
  await fc.assert(
    fc.asyncProperty(fc.record({ image, ...common }), async ({ image, seed, dynamic }) => {
      const vector = [image[1]!];
      const feeds = {
        x: spread(image, seed),
        scale: spread(vector, seed + 1),
        bias: spread(vector, seed + 2),
        mean: spread(vector, seed + 3),
        variance: spread(vector, seed + 4, 0.5),
      };
      await expectGradient(feeds, (b) => b.emit('BatchNormalization', Object.keys(feeds), epsilon), {
        opset: 21,
        dynamic,
      });
    }),
    parameters,
  );
});

test('BatchNormalization in training is refused by name', () => {
  const model = graphOf({ x: spread([2, 1, 2], 1) }, (b) => {
    const vector = b.floats([1], [1], b.typeOf('x'));
    return b.emitMany('BatchNormalization', ['x', vector, vector, vector, vector], 3, { training_mode: 1 })[0]!;
  });
  expect(() => buildVjpGraph(model)).toThrow(/BatchNormalization node .* only if its training mode is off/);
});

test('LRN matches differences for windows wider and narrower than the channels', async () => {
  const draw = fc.record({
    image: fc.array(size, { minLength: 4, maxLength: 4 }),
    window: fc.constantFrom(1, 3, 5),
    ...common,
  });
  await fc.assert(
    fc.asyncProperty(draw, async ({ image, window, seed, dynamic }) => {
      const attributes = { size: window, alpha: { float: 0.3 }, beta: { float: 0.6 }, bias: { float: 0.8 } };
      await expectGradient({ x: spread(image, seed) }, (b) => b.emit('LRN', ['x'], attributes), { opset: 21, dynamic });
    }),
    parameters,
  );
});

test('the gradient of a norm keeps its digits where the mean is a thousand deviations', async () => {
  const length = 512;
  const data = Array.from({ length }, (_, i) => 1000 + Math.sin(i));
  const feeds = { x: { dtype: 'float32', shape: [1, 1, length], data: data.map(Math.fround) } };
  const model = graphOf(feeds, (b) => {
    const vector = (value: number) => b.floats([1], [value], b.typeOf('x'));
    return b.emit('InstanceNormalization', ['x', vector(1), vector(0)]);
  });
  const c = data.map((_, i) => Math.cos(1.3 * i));
  const results = await runModel(buildVjpGraph(model), {
    ...feeds,
    y_cotangent: { dtype: 'float32', shape: [1, 1, length], data: c },
  });
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / length;
  const shift = mean(feeds.x.data);
  const s = feeds.x.data.map((value) => value - shift);
  const variance = mean(s.map((value) => value * value)) + 1e-5;
  const along = mean(s.map((value, i) => value * c[i]!)) / variance;
  const worst = Math.max(
    ...s.map((value, i) => {
      const exact = (c[i]! - mean(c) - value * along) / Math.sqrt(variance);
      return Math.abs(exact - results['x_gradient']!.data[i]!);
    }),
  );
  expect(worst).toBeLessThan(1e-4);
});
