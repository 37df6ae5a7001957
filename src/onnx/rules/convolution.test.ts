import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expectVjpMatchesDifferences, graphOf, spread } from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';
import { DataType } from '../dtype';
import { buildVjpGraph } from '../vjp';

const small = fc.integer({ min: 1, max: 3 });
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
  .map((a) => ({ ...a, size: a.dilation * (a.kernel - 1) + 1 + a.extra }));
const draw = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  inGroup: fc.integer({ min: 1, max: 2 }),
  outGroup: fc.integer({ min: 1, max: 2 }),
  group: fc.integer({ min: 1, max: 2 }),
  axes: fc.array(axis, { minLength: 1, maxLength: 2 }),
  seed: fc.nat(1000),
  dynamic: fc.boolean(),
});

function weight(b: GraphBuilder, shape: readonly number[], seed: number): string {
  return b.floats(shape, spread(shape, seed).data, DataType.FLOAT);
}

test('Conv matches differences for strides, pads, dilations, groups, and unknown image sizes', async () => {
  await fc.assert(
    fc.asyncProperty(draw, async ({ batch, inGroup, outGroup, group, axes, seed, dynamic }) => {
      const x = spread([batch, inGroup * group, ...axes.map(({ size }) => size)], seed);
      const attributes = {
        kernel_shape: axes.map(({ kernel }) => kernel),
        strides: axes.map(({ stride }) => stride),
        dilations: axes.map(({ dilation }) => dilation),
        pads: [...axes.map(({ before }) => before), ...axes.map(({ after }) => after)],
        group,
      };
      const shape = [outGroup * group, inGroup, ...attributes.kernel_shape];
      const model = graphOf({ x }, (b) => b.emit('Conv', ['x', weight(b, shape, seed + 1)], attributes), { dynamic });
      await expectVjpMatchesDifferences(model, { x });
    }),
    { numRuns: 30, seed: 4 },
  );
});

test.each(['SAME_UPPER', 'SAME_LOWER', 'VALID'])('Conv with auto_pad %s matches differences', async (auto_pad) => {
  for (const stride of [1, 2]) {
    const x = spread([1, 2, 6, 5], stride);
    const attributes = { auto_pad, kernel_shape: [3, 2], strides: [stride, stride] };
    await expectVjpMatchesDifferences(
      graphOf({ x }, (b) => b.emit('Conv', ['x', weight(b, [3, 2, 3, 2], 1)], attributes)),
      { x },
    );
  }
});

test('ConvTranspose matches differences for strides, pads, dilations, output padding and groups', async () => {
  await fc.assert(
    fc.asyncProperty(draw, async ({ batch, inGroup, outGroup, group, axes, seed, dynamic }) => {
      const x = spread([batch, inGroup * group, ...axes.map(({ extra }) => extra + 2)], seed);
      const reach = axes.map(({ kernel, dilation }) => dilation * (kernel - 1));
      const attributes = {
        kernel_shape: axes.map(({ kernel }) => kernel),
        strides: axes.map(({ stride }) => stride),
        dilations: axes.map(({ dilation }) => dilation),
        pads: [...axes.map(({ before }, i) => Math.min(before, reach[i]!)), ...axes.map(() => 0)],
        output_padding: axes.map(({ after, stride }) => Math.min(after, stride - 1)),
        group,
      };
      const shape = [inGroup * group, outGroup, ...attributes.kernel_shape];
      const model = graphOf({ x }, (b) => b.emit('ConvTranspose', ['x', weight(b, shape, seed + 1)], attributes), {
        dynamic,
      });
      await expectVjpMatchesDifferences(model, { x });
    }),
    { numRuns: 20, seed: 5 },
  );
});

test('the gradient of a convolution with stride one is a convolution', () => {
  const x = spread([1, 2, 5, 5], 1);
  const model = graphOf({ x }, (b) => b.emit('Conv', ['x', weight(b, [3, 2, 3, 3], 1)], { pads: [1, 1, 1, 1] }));
  const operators = buildVjpGraph(model).graph.node.map((node) => node.opType);
  expect(operators.filter((operator) => operator.startsWith('Conv'))).toEqual(['Conv', 'Conv']);
});

test('a weight that depends on the input is refused by name', () => {
  const feeds = { x: spread([1, 1, 3, 3], 1), w: spread([1, 1, 2, 2], 2) };
  const model = graphOf(feeds, (b) => b.emit('Conv', ['x', 'w']));
  expect(() => buildVjpGraph(model)).toThrow(/Conv node "s4s_Conv_1" .*weight \("w"\) does not depend/);
});
