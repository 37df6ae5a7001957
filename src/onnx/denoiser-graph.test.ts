import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  emptyGraph,
  float32,
  int64,
  openModel,
  relativeError,
  runModel,
  type Feeds,
} from '../../test/support/onnx-run';
import { buildDenoiserGraph, buildDenoiserVjpGraph, parseModel, type NetworkPorts } from './index';
import type { Dim } from './dims';
import { DataType } from './dtype';
import { portInfo } from './header';
import type { OnnxModel } from './model';
import { serializeModel } from './write';

const ports: NetworkPorts = { sample: 'x', timestep: 't', classLabels: 'labels', output: 'out' };

interface Variant {
  readonly timeShape?: readonly Dim[];
  readonly timeType?: DataType;
  readonly sampleType?: DataType;
  readonly labels?: 'index' | 'one-hot' | 'none';
  readonly batch?: Dim;
  readonly variance?: boolean;
}

/**
 * A network that is easy to write down: F(x, t, label) = sin(x)·(1 + label) + t, for x [B, 2, 3]. Its sample is called
 * `x`, like an input of the shell, on purpose.
 */
function network({
  timeShape = ['batch'],
  timeType = 1,
  sampleType = 1,
  labels = 'index',
  batch = 'batch',
  variance = false,
}: Variant): OnnxModel {
  const b = emptyGraph();
  const x = b.addInput('x', sampleType, [batch, 2, 3]);
  const t = b.addInput('t', timeType, timeShape);
  const time = b.reshape(b.emit('Cast', [t], { to: sampleType }), [-1, 1, 1]);
  let wave = b.emit('Sin', [x]);
  if (labels !== 'none') {
    const one = labels === 'one-hot';
    const y = b.addInput('labels', one ? DataType.FLOAT : DataType.INT64, one ? [batch, 4] : [batch]);
    const weights = one
      ? b.emit('MatMul', [y, b.floats([4, 1], [1, 2, 3, 4], DataType.FLOAT)])
      : b.add(b.emit('Cast', [y], { to: 1 }), b.floats([], [1], 1));
    wave = b.mul(wave, b.reshape(b.emit('Cast', [weights], { to: sampleType }), [-1, 1, 1]));
  }
  const f = b.add(wave, time);
  b.alias(variance ? b.emit('Concat', [f, b.neg(f)], { axis: 1 }) : f, 'out');
  b.addOutput('out');
  return b.build('net.onnx');
}

const shell: Feeds = {
  x: float32([2, 2, 3], [0.1, -0.4, 0.9, 1.4, -1.1, 0.2, 0.7, 0.3, -0.8, 0.5, 1.2, -0.6]),
  c_in: float32([2], [0.9, 1.3]),
  c_skip: float32([2], [0.4, -0.2]),
  c_out: float32([2], [-0.7, 1.1]),
  t_net: float32([2], [2, 3]),
  guidance_scale: float32([2], [2, 3.5]),
  guidance_rescale: float32([2], [0.7, 0.4]),
  class_labels: int64([2], [1, 3]),
  class_labels_uncond: int64([2], [0, 2]),
};
const cotangent = float32([2, 2, 3], [1, -0.5, 0.3, 0.8, -1.2, 0.6, 0.2, 0.9, -0.4, 0.7, 1.1, -0.3]);

const at = (name: string, i: number): number => shell[name]!.data[i]!;

/** The formula of the shell in plain arithmetic, with what `weight` makes of a label. */
function expected(
  guidance: boolean,
  weight = (label: number) => 1 + label,
  time = (i: number) => at('t_net', i),
): number[] {
  return shell['x']!.data.map((x, k) => {
    const i = Math.floor(k / 6);
    const f = (labels: string) => Math.sin(at('c_in', i) * x) * weight(at(labels, i)) + time(i);
    const [c, u] = [f('class_labels'), f('class_labels_uncond')];
    return at('c_skip', i) * x + at('c_out', i) * (guidance ? u + at('guidance_scale', i) * (c - u) : c);
  });
}

async function expectDenoised(variant: Variant, guidance: boolean, values: number[], tolerance = 1e-5) {
  const used = variant.labels === 'none' ? { sample: 'x', timestep: 't', output: 'out' } : ports;
  const { denoised } = await runModel(buildDenoiserGraph(network(variant), { ports: used, guidance }), shell);
  expect(relativeError(denoised, float32([2, 2, 3], values))).toBeLessThan(tolerance);
}

describe('the denoiser is c_skip·x + c_out·F(c_in·x, t_net, labels)', () => {
  test('without guidance', () => expectDenoised({}, false, expected(false)));
  test('with guidance', () => expectDenoised({}, true, expected(true)));
  test('without labels', () =>
    expectDenoised(
      { labels: 'none' },
      false,
      expected(false, () => 1),
    ));
  test('with a fixed batch', () => expectDenoised({ batch: 2 }, false, expected(false)));
  test('with guidance in a fixed batch of two branches', () => expectDenoised({ batch: 4 }, true, expected(true)));
  test('with one-hot labels', () => expectDenoised({ labels: 'one-hot' }, true, expected(true)));
  test('with a variance that is cut off', () => expectDenoised({ variance: true }, false, expected(false)));
  test('with an integer timestep', () => expectDenoised({ timeType: DataType.INT64 }, false, expected(false)));
  test('with float16 ports', () =>
    expectDenoised({ sampleType: DataType.FLOAT16, timeType: DataType.FLOAT16 }, false, expected(false), 2e-3));
  test('with a column of timesteps', () => expectDenoised({ timeShape: ['batch', 1] }, false, expected(false)));
  test.each([[[]], [[1]]])('with the shared timestep %j, which is the first', (timeShape) =>
    expectDenoised(
      { timeShape },
      true,
      expected(true, undefined, () => at('t_net', 0)),
    ),
  );
  test('with a shared integer timestep', () =>
    expectDenoised(
      { timeShape: [], timeType: DataType.INT64 },
      false,
      expected(false, undefined, () => at('t_net', 0)),
    ));
});

test('a fixed batch of one cannot hold two branches', () => {
  expect(() => buildDenoiserGraph(network({ batch: 1 }), { ports, guidance: true })).toThrow(
    /fixed batch of 1.*dynamic batch/,
  );
});

test('a missing port is named with the ones there are', () => {
  expect(() => buildDenoiserGraph(network({}), { ports: { ...ports, sample: 'latent' }, guidance: false })).toThrow(
    'net.onnx has no input "latent"; its inputs are "x", "t", "labels".',
  );
});

describe('the gradient of the denoiser', () => {
  test.each([
    [false, false],
    [true, false],
    [true, true],
  ])('matches differences of every input (guidance %j, rescaled %j)', async (guidance, guidanceRescale) => {
    const options = { ports, guidance, guidanceRescale };
    const { model, notes } = buildDenoiserVjpGraph(network({}), options);
    expect(notes).toEqual([]);
    const results = await runModel(model, { ...shell, cotangent });
    const forward = await openModel(buildDenoiserGraph(network({}), options));
    const plain = relativeError(results['denoised'], float32([2, 2, 3], expected(guidance))) < 1e-5;
    expect(plain).toBe(!guidanceRescale);
    for (const name of ['x', 'c_in', 'c_skip', 'c_out', 't_net']) {
      const input = shell[name]!;
      const value = async (k: number, h: number) => {
        const moved = float32(
          input.shape,
          input.data.map((entry, j) => (j === k ? entry + h : entry)),
        );
        const { denoised } = await forward({ ...shell, [name]: moved });
        return denoised!.data.reduce((sum, entry, j) => sum + entry * cotangent.data[j]!, 0);
      };
      const differences = await Promise.all(
        input.data.map(async (_, k) => ((await value(k, 0.01)) - (await value(k, -0.01))) / 0.02),
      );
      expect(relativeError(results[`grad_${name}`], float32(input.shape, differences)), name).toBeLessThan(1e-3);
    }
  });

  test('of an integer timestep is left out, with a note', async () => {
    const { model, notes } = buildDenoiserVjpGraph(network({ timeType: DataType.INT64 }), { ports, guidance: true });
    expect(model.graph.output.map(({ name }) => name)).toEqual([
      'denoised',
      'grad_x',
      'grad_c_in',
      'grad_c_skip',
      'grad_c_out',
    ]);
    expect(notes).toEqual([expect.stringContaining('integer timestep ("t", int64)')]);
    const results = await runModel(model, { ...shell, cotangent });
    expect(results['grad_c_skip']!.shape).toEqual([2]);
  });

  test('of a shared timestep is in the first element', async () => {
    const { model } = buildDenoiserVjpGraph(network({ timeShape: [] }), { ports, guidance: false });
    const { grad_t_net: gradient } = await runModel(model, { ...shell, cotangent });
    const sum = cotangent.data.reduce((total, c, k) => total + c * at('c_out', Math.floor(k / 6)), 0);
    expect(gradient!.data[0]).toBeCloseTo(sum, 5);
    expect(gradient!.data[1]).toBe(0);
  });
});

test.each([false, true])('the demo network with guidance (rescaled %j): no search for broadcast axes', (rescaled) => {
  const bytes = new Uint8Array(readFileSync(join(import.meta.dirname, '../../media/demo/unet.onnx')));
  const demo = { sample: 'sample', timestep: 'sigma', classLabels: 'class_labels', output: 'denoised' };
  const { model } = buildDenoiserVjpGraph(parseModel(bytes, 'unet.onnx'), {
    ports: demo,
    guidance: true,
    guidanceRescale: rescaled,
  });
  expect(model.graph.node.filter((node) => node.opType === 'NonZero')).toEqual([]);
});

/** φ·std(c)/std(guided) + 1 − φ */
function rescaling(conditional: readonly number[], guided: readonly number[], phi: number): number {
  const deviation = (values: readonly number[]): number => {
    const mean = values.reduce((sum, value) => sum + value) / values.length;
    return Math.hypot(...values.map((value) => value - mean));
  };
  return (phi * deviation(conditional)) / deviation(guided) + 1 - phi;
}

describe('rescaled guidance', () => {
  const options = { ports, guidance: true, guidanceRescale: true };

  test('multiplies the guided output of each sample with φ·std(F_c)/std(F) + 1 − φ', async () => {
    const values = [0, 1].flatMap((i) => {
      const x = shell['x']!.data.slice(6 * i, 6 * i + 6);
      const f = (labels: string) =>
        x.map((value) => Math.sin(at('c_in', i) * value) * (1 + at(labels, i)) + at('t_net', i));
      const [conditional, unconditional] = [f('class_labels'), f('class_labels_uncond')];
      const guided = conditional.map((c, k) => unconditional[k]! + at('guidance_scale', i) * (c - unconditional[k]!));
      const factor = rescaling(conditional, guided, at('guidance_rescale', i));
      expect(Math.abs(factor - 1)).toBeGreaterThan(0.1);
      return x.map((value, k) => at('c_skip', i) * value + at('c_out', i) * factor * guided[k]!);
    });
    const { denoised } = await runModel(buildDenoiserGraph(network({}), options), shell);
    expect(relativeError(denoised, float32([2, 2, 3], values))).toBeLessThan(1e-5);
  });

  test('is that of diffusers', () => {
    // The first element of rescale_noise_cfg of diffusers 0.42 over that of its input, in float64.
    expect(rescaling([0.3, -1.2, 0.8, 0.1], [1.1, -3.4, 2.9, 0.2], 0.7)).toBeCloseTo(0.5252148915778307, 14);
  });

  test('keeps outputs that are the same everywhere', async () => {
    const still = { ...shell, x: float32([2, 2, 3], new Array<number>(12).fill(0)) };
    const { denoised } = await runModel(buildDenoiserGraph(network({}), options), still);
    expect(denoised!.data[0]).toBeCloseTo(at('c_out', 0) * at('t_net', 0), 5);
  });

  test('leaves other graphs as they are', () => {
    const bytes = (guidance: boolean, rescale?: boolean) =>
      serializeModel(
        buildDenoiserGraph(network({}), {
          ports,
          guidance,
          ...(rescale === undefined ? {} : { guidanceRescale: rescale }),
        }),
      );
    expect(bytes(true, false)).toEqual(bytes(true));
    expect(bytes(false, true)).toEqual(bytes(false));
    expect(bytes(true, true)).not.toEqual(bytes(true));
  });
});

test('guidance and conditioning inputs are differentiated when asked', async () => {
  const b = emptyGraph();
  b.addInput('x', DataType.FLOAT, ['batch', 2, 3]);
  b.addInput('t', DataType.FLOAT, ['batch']);
  b.addInput('text', DataType.FLOAT, ['batch', 2, 3]);
  b.addInput('labels', DataType.INT64, ['batch']);
  const weight = b.reshape(b.emit('Cast', ['labels'], { to: DataType.FLOAT }), [-1, 1, 1]);
  b.alias(b.mul(b.add(b.emit('Sin', ['x']), 'text'), weight), 'out');
  b.addOutput('out');
  const { model } = buildDenoiserVjpGraph(b.build('net.onnx'), { ports, guidance: true }, ['guidance_scale', 'text']);
  const text = float32([4, 2, 3], new Array<number>(24).fill(0.5));
  const results = await runModel(model, { ...shell, text, cotangent });
  // D = c_skip·x + c_out·(u·f + g·(c − u)·f) with f = sin(c_in·x) + text: ∂D/∂g = c_out·(c − u)·f, ∂D/∂text = c_out·g·c.
  const perSample = [0, 1].map((i) => {
    const [conditional, unconditional] = [at('class_labels', i), at('class_labels_uncond', i)];
    const pixels = [0, 1, 2, 3, 4, 5].map((k) => 6 * i + k);
    const f = (k: number) => Math.sin(at('c_in', i) * at('x', k)) + 0.5;
    return {
      guidance: pixels.reduce(
        (sum, k) => sum + cotangent.data[k]! * at('c_out', i) * (conditional - unconditional) * f(k),
        0,
      ),
      text: pixels.map((k) => cotangent.data[k]! * at('c_out', i) * at('guidance_scale', i) * conditional),
    };
  });
  expect(
    relativeError(
      results['grad_guidance_scale'],
      float32(
        [2],
        perSample.map(({ guidance }) => guidance),
      ),
    ),
  ).toBeLessThan(1e-5);
  const gradient = results['grad_text']!;
  expect(
    relativeError(
      { ...gradient, shape: [12], data: gradient.data.slice(0, 12) },
      float32(
        [12],
        perSample.flatMap(({ text: own }) => own),
      ),
    ),
  ).toBeLessThan(1e-5);
});

test('a sample shape fixes the sizes that the file leaves open', () => {
  const b = emptyGraph();
  b.addInput('x', DataType.FLOAT, ['batch', 2, 'height', 'width']);
  b.addInput('t', DataType.FLOAT, ['batch']);
  b.alias(b.add('x', b.reshape('t', [-1, 1, 1, 1])), 'out');
  b.addOutput('out');
  const open: NetworkPorts = { sample: 'x', timestep: 't', output: 'out' };
  const graph = buildDenoiserGraph(b.build('net.onnx'), { ports: open, guidance: false, sampleShape: [2, 8, 4] });
  expect(portInfo(graph.graph.output[0]!).shape).toEqual(['batch', 2, 8, 4]);
});

test('halves are widened, or kept for devices that are fast with them', () => {
  const half = network({ sampleType: DataType.FLOAT16, labels: 'none' });
  const types = (halves: 'widen' | 'keep') =>
    buildDenoiserGraph(half, { ports: { sample: 'x', timestep: 't', output: 'out' }, guidance: false, halves })
      .graph.node.filter(({ opType }) => opType === 'Cast')
      .map(({ attribute }) => Number(attribute[0]!.i));
  expect(types('keep')).toContain(DataType.FLOAT16);
  expect(types('widen')).not.toContain(DataType.FLOAT16);
});
