import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expectVjpMatchesDifferences, graphOf, spread } from '../../../test/support/onnx-run';
import { buildVjpGraph } from '../vjp';

const shape = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 });
const draw = fc.record({ shape, axis: fc.nat(3), seed: fc.nat(1000), dynamic: fc.boolean() });
const parameters = { numRuns: 10, seed: 6 };
const epsilon = { epsilon: { float: 0.01 } };

test.each([13, 17])('Softmax and LogSoftmax match differences (operator set %d)', async (opset) => {
  for (const operator of ['Softmax', 'LogSoftmax']) {
    await fc.assert(
      fc.asyncProperty(draw, async ({ shape, axis, seed, dynamic }) => {
        const x = spread(shape, seed);
        const body = graphOf({ x }, (b) => b.emit(operator, ['x'], { axis: (axis % shape.length) - shape.length }), {
          opset,
          dynamic,
        });
        await expectVjpMatchesDifferences(body, { x });
      }),
      parameters,
    );
  }
});

test('LayerNormalization matches differences in input, scale and bias', async () => {
  await fc.assert(
    fc.asyncProperty(draw, async ({ shape, axis, seed, dynamic }) => {
      const from = axis % shape.length;
      const feeds = {
        x: spread(shape, seed),
        scale: spread(shape.slice(from), seed + 1),
        bias: spread(shape.slice(from), seed + 2),
      };
      const body = graphOf(
        feeds,
        (b) => b.emit('LayerNormalization', ['x', 'scale', 'bias'], { axis: from, ...epsilon }),
        { dynamic },
      );
      await expectVjpMatchesDifferences(body, feeds);
    }),
    parameters,
  );
});

test.each([17, 20])('InstanceNormalization matches differences (operator set %d)', async (opset) => {
  const feeds = { x: spread([2, 3, 2, 2], 1), scale: spread([3], 2), bias: spread([3], 3) };
  const body = (dynamic: boolean) =>
    graphOf(feeds, (b) => b.emit('InstanceNormalization', ['x', 'scale', 'bias'], epsilon), { opset, dynamic });
  await expectVjpMatchesDifferences(body(false), feeds);
  await expectVjpMatchesDifferences(body(true), feeds);
});

test('GroupNormalization matches differences (operator set 21)', async () => {
  const feeds = { x: spread([2, 4, 2, 3], 1), scale: spread([4], 2), bias: spread([4], 3) };
  for (const num_groups of [1, 2, 4]) {
    const emit = graphOf(
      feeds,
      (b) => b.emit('GroupNormalization', ['x', 'scale', 'bias'], { num_groups, ...epsilon }),
      { opset: 21 },
    );
    await expectVjpMatchesDifferences(emit, feeds);
  }
});

test('GroupNormalization before operator set 21 says to export again', () => {
  const feeds = { x: spread([2, 4, 2, 3], 1), scale: spread([2], 2), bias: spread([2], 3) };
  const model = graphOf(feeds, (b) => b.emit('GroupNormalization', ['x', 'scale', 'bias'], { num_groups: 2 }), {
    opset: 18,
  });
  expect(() => buildVjpGraph(model)).toThrow(/GroupNormalization node .* operator set 21 or later/);
});

test('BatchNormalization in inference matches differences', async () => {
  const feeds = { x: spread([2, 3, 2], 1) };
  const model = graphOf(feeds, (b) => {
    const vector = (values: number[]) => b.floats([3], values, 1);
    const inputs = [
      [0.5, -1, 2],
      [0.1, 0.2, 0.3],
      [0.3, -0.2, 0.4],
      [0.5, 1.5, 2.5],
    ].map(vector);
    return b.emit('BatchNormalization', ['x', ...inputs], epsilon);
  });
  await expectVjpMatchesDifferences(model, feeds);
});

test('RMSNormalization matches differences in input and scale', async () => {
  const feeds = { x: spread([2, 3, 4], 1), scale: spread([4], 2) };
  const model = graphOf(feeds, (b) => b.emit('RMSNormalization', ['x', 'scale'], { axis: -1, ...epsilon }), {
    opset: 23,
  });
  await expectVjpMatchesDifferences(model, feeds);
});
