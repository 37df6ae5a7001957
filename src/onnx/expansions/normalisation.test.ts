import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { emitContrib, emitExpanded, expectSameForward, joined } from '../../../test/support/contrib-run';
import {
  expectGradient,
  expectVjpMatchesDifferences,
  float32,
  graphOf,
  relativeError,
  runModel,
  spread,
  type Feeds,
  type Values,
} from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';
import { buildVjpGraph } from '../vjp';

const size = fc.integer({ min: 1, max: 3 });
const epsilon = { epsilon: { float: 0.01 } };

test('"LpNormalization" equals ONNX Runtime\'s own and its gradient matches differences', async () => {
  const draw = fc.record({
    shape: fc.array(size, { minLength: 1, maxLength: 3 }),
    axis: fc.nat(2),
    negative: fc.boolean(),
    p: fc.constantFrom(1, 2),
    seed: fc.nat(1000),
    dynamic: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(draw, async ({ shape, axis, negative, p, seed, dynamic }) => {
      const at = axis % shape.length;
      const feeds = { x: spread(shape, seed) };
      const body = (b: GraphBuilder) =>
        b.emit('LpNormalization', ['x'], { p, axis: negative ? at - shape.length : at });
      await expectSameForward(graphOf(feeds, body, { opset: 22, dynamic }), feeds);
      await expectGradient(feeds, body, { opset: 22, dynamic });
    }),
    { numRuns: 30, seed: 1 },
  );
});

test.each([1, 2])('LpNormalization (p = %d) of zeros is zero and has a gradient of zero', async (p) => {
  const feeds = { x: float32([2, 2], [0, 0, 3, -4]) };
  const model = graphOf(feeds, (b) => b.emit('LpNormalization', ['x'], { p }), { opset: 22 });
  const y_cotangent = float32([2, 2], [1, 2, 3, 4]);
  const results = await runModel(buildVjpGraph(model), { ...feeds, y_cotangent });
  expect(results['y']!.data.slice(0, 2)).toEqual([0, 0]);
  expect(results['x_gradient']!.data.slice(0, 2)).toEqual([0, 0]);
});

test('"MeanVarianceNormalization" equals ONNX Runtime\'s own and its gradient matches differences', async () => {
  const draw = fc.record({
    batch: size,
    channels: size,
    height: fc.integer({ min: 2, max: 3 }),
    axes: fc.constantFrom(undefined, [0, 2, 3], [2, 3]),
    seed: fc.nat(1000),
    dynamic: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(draw, async ({ batch, channels, height, axes, seed, dynamic }) => {
      const feeds = { x: spread([batch, channels, height, 2], seed) };
      const body = (b: GraphBuilder) => b.emit('MeanVarianceNormalization', ['x'], { axes });
      await expectSameForward(graphOf(feeds, body, { opset: 21, dynamic }), feeds);
      await expectGradient(feeds, body, { opset: 21, dynamic });
    }),
    { numRuns: 30, seed: 2 },
  );
});

test('"SimplifiedLayerNormalization" equals ONNX Runtime\'s own and its gradient matches differences', async () => {
  const draw = fc.record({
    shape: fc.array(size, { minLength: 1, maxLength: 3 }),
    axis: fc.option(fc.nat(2), { nil: undefined }),
    statistics: fc.boolean(),
    seed: fc.nat(1000),
    dynamic: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(draw, async ({ shape, axis, statistics, seed, dynamic }) => {
      const at = axis === undefined ? -1 : axis % shape.length;
      const feeds = { x: spread(shape, seed), scale: spread(shape.slice(at), seed + 1) };
      const body = (b: GraphBuilder) =>
        joined(
          b,
          b.emitMany('SimplifiedLayerNormalization', ['x', 'scale'], statistics ? 2 : 1, {
            axis: axis === undefined ? undefined : at,
            ...epsilon,
          }),
        );
      await expectSameForward(graphOf(feeds, body, { opset: 21, dynamic }), feeds);
      await expectGradient(feeds, body, { opset: 21, dynamic });
    }),
    { numRuns: 30, seed: 3 },
  );
});

describe.each([
  ['com.microsoft.SkipLayerNormalization', ['x', 'skip', 'gamma', 'beta', 'bias']],
  ['com.microsoft.SkipSimplifiedLayerNormalization', ['x', 'skip', 'gamma', 'bias']],
])('"%s"', (name, inputs) => {
  const operator = name.split('.').at(-1) ?? '';

  test("equals ONNX Runtime's own and its gradient matches differences", async () => {
    const draw = fc.record({
      batch: size,
      length: size,
      hidden: fc.integer({ min: 2, max: 4 }),
      skipForm: fc.constantFrom('same', 'one', 'flat'),
      without: fc.subarray(['beta', 'bias']),
      sum: fc.boolean(),
      seed: fc.nat(1000),
      dynamic: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(draw, async ({ batch, length, hidden, skipForm, without, sum, seed, dynamic }) => {
        const skip = { same: [batch, length, hidden], one: [1, length, hidden], flat: [length, hidden] }[skipForm];
        const all: Feeds = {
          x: spread([batch, length, hidden], seed),
          skip: spread(skip, seed + 1),
          gamma: spread([hidden], seed + 2),
          beta: spread([hidden], seed + 3),
          bias: spread([hidden], seed + 4),
        };
        const used = inputs.filter((input) => !without.includes(input));
        const feeds = Object.fromEntries(used.map((input) => [input, all[input]!]));
        const given = inputs.map((input) => (input in feeds ? input : undefined));
        const body = (b: GraphBuilder) => {
          const outputs = emitContrib(b, operator, given, epsilon, sum ? { count: 4, skipped: [1, 2] } : {});
          return joined(
            b,
            outputs.filter((output) => output !== ''),
          );
        };
        await expectSameForward(graphOf(feeds, body, { opset: 21, dynamic }), feeds);
        await expectGradient(feeds, body, { opset: 21, dynamic });
      }),
      { numRuns: 30, seed: 4 },
    );
  });

  test('with statistics for training is refused by name', () => {
    const feeds = { x: spread([1, 2, 2], 1), skip: spread([1, 2, 2], 2), gamma: spread([2], 3) };
    const model = graphOf(feeds, (b) => emitContrib(b, operator, Object.keys(feeds), {}, { count: 3 })[0]!, {
      opset: 21,
    });
    expect(() => buildVjpGraph(model)).toThrow(`only if its outputs mean and inv_std_var, which only training reads`);
  });
});

/** y = gamma·(x − mean)/√(variance + ε) + beta over groups of channels, x in [N, H, W, C]; then x·σ(x) or nothing. */
function groupNormReference(x: Values, gamma: Values, beta: Values, groups: number, silu: boolean): Values {
  const [n = 1, h = 1, w = 1, c = 1] = x.shape;
  const perGroup = c / groups;
  const data = [...x.data];
  for (let image = 0; image < n; image++)
    for (let group = 0; group < groups; group++) {
      const members = data.flatMap((_, i) => {
        const channel = i % c;
        const same = Math.floor(i / (h * w * c)) === image && Math.floor(channel / perGroup) === group;
        return same ? [i] : [];
      });
      const mean = members.reduce((sum, i) => sum + x.data[i]!, 0) / members.length;
      const variance = members.reduce((sum, i) => sum + (x.data[i]! - mean) ** 2, 0) / members.length;
      for (const i of members) {
        const y = (gamma.data[i % c]! * (x.data[i]! - mean)) / Math.sqrt(variance + 0.01) + beta.data[i % c]!;
        data[i] = silu ? y / (1 + Math.exp(-y)) : y;
      }
    }
  return { ...x, data };
}

/** [N, H, W, C] to [N, C, H, W] */
function channelsFirst(x: Values): Values {
  const [n = 1, h = 1, w = 1, c = 1] = x.shape;
  const data = Array.from({ length: n * c * h * w }, (_, i) => {
    const [image, channel, pixel] = [Math.floor(i / (c * h * w)), Math.floor(i / (h * w)) % c, i % (h * w)];
    return x.data[(image * h * w + pixel) * c + channel]!;
  });
  return { ...x, shape: [n, c, h, w], data };
}

const groupDraw = fc.record({
  batch: size,
  height: size,
  perGroup: fc.integer({ min: 1, max: 2 }),
  groups: fc.integer({ min: 1, max: 2 }),
  activation: fc.nat(1),
  last: fc.nat(1),
  skipForm: fc.constantFrom('same', 'pixel', 'flat'),
  biased: fc.boolean(),
  seed: fc.nat(1000),
  dynamic: fc.boolean(),
});

// ONNX Runtime has these for GPUs only.
test.each([['com.microsoft.GroupNorm'], ['com.microsoft.SkipGroupNorm']])(
  '"%s" equals its definition and its gradient matches differences',
  async (name) => {
    const skips = name === 'com.microsoft.SkipGroupNorm';
    await fc.assert(
      fc.asyncProperty(groupDraw, async (drawn) => {
        const { batch, height, perGroup, groups, activation, last, skipForm, seed, dynamic } = drawn;
        const channels = groups * perGroup;
        const biased = skips && drawn.biased;
        const shape = [batch, height, 2, channels];
        const skip = { same: shape, pixel: [batch, 1, 1, channels], flat: [batch, channels] }[skipForm];
        const all = {
          x: spread(shape, seed),
          gamma: spread([channels], seed + 1),
          beta: spread([channels], seed + 2),
          skip: spread(skip, seed + 3),
          bias: spread([channels], seed + 4),
        };
        const sum = float32(
          shape,
          all.x.data.map((value, i) => {
            const image = Math.floor(i / (height * 2 * channels));
            const added = skipForm === 'same' ? all.skip.data[i]! : all.skip.data[image * channels + (i % channels)]!;
            return value + (skips ? added : 0) + (biased ? all.bias.data[i % channels]! : 0);
          }),
        );
        const reference = groupNormReference(sum, all.gamma, all.beta, groups, activation === 1);
        const place = (values: Values) => (last || values.shape.length < 4 ? values : channelsFirst(values));
        const { bias, skip: skipValues, ...rest } = all;
        const feeds: Feeds = {
          ...rest,
          x: place(all.x),
          ...(skips && { skip: place(skipValues) }),
          ...(biased && { bias }),
        };
        const attributes = { groups, activation, channels_last: last, ...epsilon };
        const body = (b: GraphBuilder) => {
          const count = skips ? 2 : 1;
          return joined(b, emitExpanded(b, name.slice(14), Object.keys(feeds), attributes, { count }));
        };
        const y = (await runModel(graphOf(feeds, body, { opset: 21, dynamic }), feeds))['y'];
        const data = [place(reference), ...(skips ? [place(sum)] : [])].flatMap((values) => values.data);
        expect(relativeError(y, float32([data.length], data))).toBeLessThan(1e-5);
        // The statistics are taken in float32 of doubles too.
        await expectVjpMatchesDifferences(graphOf(feeds, body, { opset: 21, dynamic }), feeds);
      }),
      { numRuns: 30, seed: 5 },
    );
  },
);
