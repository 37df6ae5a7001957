import fc from 'fast-check';
import { expect, test } from 'vitest';
import { emitContrib, emitExpanded, expectSameForward } from '../../../test/support/contrib-run';
import { expectGradient, graphOf, relativeError, runModel, spread, type Feeds } from '../../../test/support/onnx-run';
import type { Attributes } from '../attributes';
import type { GraphBuilder } from '../builder';

const draw = fc.record({
  shape: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 0, maxLength: 2 }),
  features: fc.integer({ min: 1, max: 3 }),
  alpha: fc.constantFrom(undefined, { float: 0.8 }),
  biased: fc.boolean(),
  seed: fc.nat(1000),
  dynamic: fc.boolean(),
});

test.each<[string, 'never' | 'always' | 'sometimes']>([
  ['com.microsoft.Gelu', 'never'],
  ['com.microsoft.BiasGelu', 'always'],
  ['com.microsoft.FastGelu', 'sometimes'],
  ['com.microsoft.QuickGelu', 'never'],
])('"%s" equals ONNX Runtime\'s own and its gradient matches differences', async (name, bias) => {
  const operator = name.split('.').at(-1) ?? '';
  await fc.assert(
    fc.asyncProperty(draw, async ({ shape, features, alpha, biased, seed, dynamic }) => {
      const feeds: Feeds = {
        x: spread([...shape, features], seed),
        ...((bias === 'always' || (bias === 'sometimes' && biased)) && { bias: spread([features], seed + 1) }),
      };
      const attributes: Attributes = operator === 'QuickGelu' ? { alpha } : {};
      const body = (b: GraphBuilder) => emitContrib(b, operator, Object.keys(feeds), attributes)[0]!;
      await expectSameForward(graphOf(feeds, body, { opset: 21, dynamic }), feeds);
      await expectGradient(feeds, body, { opset: 21, dynamic });
    }),
    { numRuns: 30, seed: 1 },
  );
});

/** ONNX Runtime has these for GPUs only; the references are their documentation in plain nodes. */
const references: Readonly<Record<string, (b: GraphBuilder) => string>> = {
  'com.microsoft.BiasAdd': (b) => b.emit('Sum', ['x', 'bias', 'skip']),
  'com.microsoft.BiasSplitGelu': (b) => {
    const halves = b.ints([2, 2]);
    const [left = '', right = ''] = b.emitMany('Split', [b.add('x', 'bias'), halves], 2, { axis: -1 });
    const twice = b.emit('Erf', [b.div(right, b.scalar(Math.SQRT2, 'x'))]);
    return b.mul(left, b.scale(b.mul(right, b.add(twice, b.scalar(1, 'x'))), 0.5));
  },
};

test.each([
  ['com.microsoft.BiasAdd', ['x', 'bias', 'skip']],
  ['com.microsoft.BiasSplitGelu', ['x', 'bias']],
])('"%s" equals its definition and its gradient matches differences', async (name, inputs) => {
  await fc.assert(
    fc.asyncProperty(draw, async ({ features, seed, dynamic }) => {
      const all = {
        x: spread([2, features, 4], seed),
        bias: spread([4], seed + 1),
        skip: spread([2, features, 4], seed + 2),
      };
      const feeds = Object.fromEntries(Object.entries(all).filter(([input]) => inputs.includes(input)));
      const body = (b: GraphBuilder) => emitExpanded(b, name.split('.').at(-1) ?? '', inputs)[0]!;
      const expected = (await runModel(graphOf(feeds, references[name]!, { opset: 21 }), feeds))['y']!;
      const options = { opset: 21, dynamic };
      expect(relativeError((await runModel(graphOf(feeds, body, options), feeds))['y'], expected)).toBeLessThan(1e-5);
      await expectGradient(feeds, body, options);
    }),
    { numRuns: 30, seed: 2 },
  );
});
