import fc from 'fast-check';
import { expect, test } from 'vitest';
import { emitContrib, emitExpanded, expectSameForward } from '../../../test/support/contrib-run';
import {
  expectGradient,
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
const flag = fc.nat(1);

test.each([['com.microsoft.FusedMatMul'], ['com.microsoft.TransposeMatMul']])(
  '"%s" equals ONNX Runtime\'s own and its gradient matches differences',
  async (name) => {
    const draw = fc.record({
      m: size,
      k: size,
      n: size,
      stack: fc.array(size, { maxLength: 2 }),
      transposed: fc.tuple(flag, flag),
      batchTransposed: fc.tuple(flag, flag),
      alpha: fc.constantFrom(undefined, { float: -0.7 }),
      seed: fc.nat(1000),
    });
    await fc.assert(
      fc.asyncProperty(draw, async ({ m, k, n, stack, transposed, batchTransposed, alpha, seed }) => {
        const moves = name.endsWith('FusedMatMul') && stack.length > 0;
        const [batchA, batchB] = batchTransposed.map((bit) => (moves ? bit : 0));
        /** The stored form of [...stack, rows, columns]. */
        const stored = (rows: number, columns: number, last: number, batch: number | undefined) => {
          const [a, b] = last ? [columns, rows] : [rows, columns];
          return batch ? [a, ...stack, b] : [...stack, a, b];
        };
        const feeds = {
          a: spread(stored(m, k, transposed[0], batchA), seed),
          b: spread(stored(k, n, transposed[1], batchB), seed + 1),
        };
        const attributes = {
          transA: transposed[0],
          transB: transposed[1],
          alpha,
          ...(moves && { transBatchA: batchA, transBatchB: batchB }),
        };
        const body = (b: GraphBuilder) => emitContrib(b, name.slice(14), ['a', 'b'], attributes)[0]!;
        await expectSameForward(graphOf(feeds, body, { opset: 21 }), feeds);
        await expectGradient(feeds, body, { opset: 21 });
      }),
      { numRuns: 40, seed: 1 },
    );
  },
);

interface Activation {
  readonly name: string;
  readonly parameters?: readonly number[];
  /** where the slope jumps */
  readonly kinks?: readonly number[];
}

const convActivations: readonly Activation[] = [
  { name: '' },
  { name: 'Tanh' },
  { name: 'Sigmoid' },
  { name: 'Relu', kinks: [0] },
  { name: 'LeakyRelu', parameters: [0.2], kinks: [0] },
  { name: 'Clip', parameters: [-0.4, 0.5], kinks: [-0.4, 0.5] },
  { name: 'HardSigmoid', parameters: [0.3, 0.4], kinks: [-4 / 3, 2] },
];
const gemmActivations: readonly Activation[] = [
  ...convActivations.filter(({ name }) => name !== 'Clip'),
  { name: 'Elu', parameters: [0.6] },
  { name: 'Softplus' },
  { name: 'Softsign' },
];

/** Whether differences with a step of 0.02 in each input see no kink. */
const isSmooth = (before: Values, { kinks = [] }: Activation): boolean =>
  before.data.every((value) => kinks.every((kink) => Math.abs(value - kink) > 0.1));

/** Values of up to ±1. */
const small = (shape: readonly number[], seed: number): Values => {
  const values = spread(shape, seed);
  const largest = Math.max(...values.data.map(Math.abs));
  return float32(
    shape,
    values.data.map((value) => value / largest),
  );
};

test('"com.microsoft.FusedGemm" equals ONNX Runtime\'s own and its gradient matches differences', async () => {
  const draw = fc.record({
    m: size,
    k: size,
    n: size,
    transA: flag,
    transB: flag,
    activation: fc.constantFrom(...gemmActivations.filter(({ name }) => name !== '')),
    biased: fc.boolean(),
    seed: fc.nat(1000),
  });
  await fc.assert(
    fc.asyncProperty(draw, async ({ m, k, n, transA, transB, activation, biased, seed }) => {
      const feeds: Feeds = {
        a: small(transA ? [k, m] : [m, k], seed),
        b: small(transB ? [n, k] : [k, n], seed + 1),
        ...(biased && { c: small([n], seed + 2) }),
      };
      const product = { transA, transB, alpha: { float: 0.7 }, beta: { float: -1.2 } };
      const plain = graphOf(feeds, (b) => b.emit('Gemm', Object.keys(feeds), product), { opset: 21 });
      fc.pre(isSmooth((await runModel(plain, feeds))['y']!, activation));
      const [alpha, beta] = activation.parameters ?? [];
      const attributes = {
        ...product,
        activation: activation.name,
        activation_alpha: alpha === undefined ? undefined : { float: alpha },
        activation_beta: beta === undefined ? undefined : { float: beta },
      };
      const body = (b: GraphBuilder) => emitContrib(b, 'FusedGemm', Object.keys(feeds), attributes)[0]!;
      await expectSameForward(graphOf(feeds, body, { opset: 21 }), feeds);
      await expectGradient(feeds, body, { opset: 21 });
    }),
    { numRuns: 40, seed: 2 },
  );
});

const convDraw = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  groups: fc.integer({ min: 1, max: 2 }),
  channels: fc.integer({ min: 1, max: 2 }),
  outputs: fc.integer({ min: 1, max: 2 }),
  height: fc.integer({ min: 2, max: 4 }),
  kernel: fc.integer({ min: 1, max: 2 }),
  stride: fc.integer({ min: 1, max: 2 }),
  dilation: fc.integer({ min: 1, max: 2 }),
  pad: fc.nat(1),
  activation: fc.constantFrom(...convActivations),
  biased: fc.boolean(),
  added: fc.boolean(),
  seed: fc.nat(1000),
});
type Conv = typeof convDraw extends fc.Arbitrary<infer T> ? T : never;

/** Output rows (and columns). */
const rows = ({ height, kernel, stride, dilation, pad }: Conv): number =>
  Math.floor((height + 2 * pad - dilation * (kernel - 1) - 1) / stride) + 1;

const window = ({ groups, kernel, stride, dilation, pad }: Conv) => ({
  group: groups,
  kernel_shape: [kernel, kernel],
  strides: [stride, stride],
  dilations: [dilation, dilation],
  pads: [pad, pad, pad, pad],
});

/** The convolution by its definition: x [N, H, W, C], weight [M, C/groups, k, k], zeros around the image. */
function convolve(drawn: Conv, x: Values, weight: Values, bias: Values | undefined): Values {
  const { batch, groups, channels, outputs, height, kernel, stride, dilation, pad } = drawn;
  const [side, inputs, maps] = [rows(drawn), groups * channels, groups * outputs];
  const data: number[] = [];
  for (let n = 0; n < batch; n++)
    for (let i = 0; i < side; i++)
      for (let j = 0; j < side; j++)
        for (let m = 0; m < maps; m++) {
          let sum = bias?.data[m] ?? 0;
          for (let c = 0; c < channels; c++)
            for (let p = 0; p < kernel; p++)
              for (let q = 0; q < kernel; q++) {
                const [row, column] = [i * stride + p * dilation - pad, j * stride + q * dilation - pad];
                if (row < 0 || column < 0 || row >= height || column >= height) continue;
                const channel = Math.floor(m / outputs) * channels + c;
                const pixel = x.data[((n * height + row) * height + column) * inputs + channel]!;
                sum += pixel * weight.data[((m * channels + c) * kernel + p) * kernel + q]!;
              }
          data.push(sum);
        }
  return float32([batch, side, side, maps], data);
}

function convTensors(drawn: Conv) {
  const { groups, channels, outputs, kernel, seed } = drawn;
  const maps = groups * outputs;
  const weight = small([maps, channels, kernel, kernel], seed + 1);
  return { weight, bias: drawn.biased ? small([maps], seed + 2) : undefined };
}

/** [M, C, k, k] to [M, k, k, C] */
function behind({ shape, data }: Values): Values {
  const [maps = 1, channels = 1, kernel = 1] = shape;
  const pixels = kernel * kernel;
  const moved = data.map((_, i) => {
    const [map, pixel, channel] = [
      Math.floor(i / (pixels * channels)),
      Math.floor(i / channels) % pixels,
      i % channels,
    ];
    return data[(map * channels + channel) * pixels + pixel]!;
  });
  return float32([maps, kernel, kernel, channels], moved);
}

/** Weights as constants: a convolution's gradient is that of its input. */
const constants = (b: GraphBuilder, values: readonly (Values | undefined)[]): (string | undefined)[] =>
  values.map((value) => value && b.floats(value.shape, value.data, b.typeOf('x')));

test('"com.microsoft.FusedConv" equals ONNX Runtime\'s own and its gradient matches differences', async () => {
  await fc.assert(
    fc.asyncProperty(convDraw, async (drawn) => {
      const { batch, groups, channels, outputs, height, added, activation, seed } = drawn;
      fc.pre(rows(drawn) > 0);
      const { weight, bias } = convTensors(drawn);
      const feeds: Feeds = {
        x: small([batch, groups * channels, height, height], seed),
        ...(added && { z: small([batch, groups * outputs, rows(drawn), rows(drawn)], seed + 3) }),
      };
      const plain = (b: GraphBuilder) => {
        const y = b.emit('Conv', ['x', ...constants(b, [weight, bias])], window(drawn));
        return added ? b.add(y, 'z') : y;
      };
      fc.pre(isSmooth((await runModel(graphOf(feeds, plain, { opset: 21 }), feeds))['y']!, activation));
      const body = (b: GraphBuilder) => {
        const inputs = ['x', ...constants(b, [weight, bias]), added ? 'z' : undefined];
        const attributes = { ...window(drawn), activation: activation.name || undefined };
        const floats = activation.parameters && { activation_params: activation.parameters };
        return emitContrib(b, 'FusedConv', inputs, attributes, floats && { floats })[0]!;
      };
      await expectSameForward(graphOf(feeds, body, { opset: 21 }), feeds);
      await expectGradient(feeds, body, { opset: 21 });
    }),
    { numRuns: 40, seed: 3 },
  );
});

// ONNX Runtime has these for GPUs, or for half precision, only.
test.each([['com.microsoft.NhwcConv'], ['com.microsoft.NhwcFusedConv']])(
  '"%s" equals its definition and its gradient matches differences',
  async (name) => {
    await fc.assert(
      fc.asyncProperty(convDraw, async (drawn) => {
        const { batch, groups, channels, height, seed } = drawn;
        fc.pre(rows(drawn) > 0);
        const fused = name.endsWith('FusedConv');
        const { weight, bias } = convTensors(drawn);
        // The optimiser writes the weights of NhwcConv with their channels behind too.
        const stored = fused ? weight : behind(weight);
        const x = small([batch, height, height, groups * channels], seed);
        const convolved = convolve(drawn, x, weight, bias);
        const z = small(convolved.shape, seed + 3);
        const added = fused && drawn.added;
        const feeds: Feeds = { x, ...(added && { z }) };
        const body = (b: GraphBuilder) => {
          const inputs = ['x', ...constants(b, [stored, bias]), added ? 'z' : undefined];
          return emitExpanded(b, name.slice(14), inputs, {
            ...window(drawn),
            activation: fused ? 'Silu' : undefined,
          })[0]!;
        };
        const sums = convolved.data.map((value, i) => value + (added ? z.data[i]! : 0));
        const expected = fused ? sums.map((value) => value / (1 + Math.exp(-value))) : sums;
        const y = (await runModel(graphOf(feeds, body, { opset: 21 }), feeds))['y'];
        expect(relativeError(y, { ...convolved, data: expected })).toBeLessThan(1e-5);
        await expectGradient(feeds, body, { opset: 21 });
      }),
      { numRuns: 30, seed: 4 },
    );
  },
);

test('an activation that is not known is refused by name', () => {
  const feeds = { x: spread([1, 1, 2, 2], 1) };
  const model = graphOf(
    feeds,
    (b) => {
      const weight = b.floats([1, 1, 1, 1], [1], 1);
      return emitContrib(b, 'FusedConv', ['x', weight], { kernel_shape: [1, 1], activation: 'Erf' })[0]!;
    },
    { opset: 21 },
  );
  expect(() => buildVjpGraph(model)).toThrow(
    /FusedConv node .* only if its activation is a known one, which Erf is not/,
  );
});
