import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { emptyGraph } from '../../test/support/onnx-run';
import { featuresWithoutGradient, imageDistance, imageFeatures } from '../../test/support/tiny-networks';
import { DataType } from '../onnx/dtype';
import type { ImageNetworkOptions } from '../onnx/image-network-graph';
import type { OnnxModel } from '../onnx/model';
import { makePort } from '../onnx/value-facts';
import { serializeModel } from '../onnx/write';
import { ImageNetwork } from './image-network';
import { LatentDecoder } from './latent-decoder';

const folder = mkdtempSync(join(tmpdir(), 's4s-image-network-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function write(model: OnnxModel): string {
  const path = join(folder, `network-${++files}.onnx`);
  writeFileSync(path, serializeModel(model));
  return path;
}

const open = (model: OnnxModel, options: ImageNetworkOptions, mostElements?: number): Promise<ImageNetwork> =>
  ImageNetwork.open(write(model), options, 'cpu', mostElements);

const waves = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => 0.8 * Math.sin(seed + 1.7 * i));

/** The gradient along ±1 in all elements of each sample, against central differences of ⟨cotangent, output⟩. */
async function expectGradient(
  network: ImageNetwork,
  images: readonly Float32Array[],
  count: number,
  tolerance = 2e-3,
): Promise<void> {
  expect(network.gradientProblem).toBeNull();
  const output = await network.run(images, count);
  const width = output.length / count;
  const cotangent = output.map((_, i) => Math.cos(1.3 * i));
  const pulled = await network.pullBack(images, cotangent, count);
  output.forEach((value, i) => expect(pulled.output[i]!).toBeCloseTo(value, 4));
  const [first, ...rest] = images;
  expect(pulled.gradient.length).toBe(first!.length);
  const dim = first!.length / count;
  const sign = (e: number): number => (Math.sin(12.9 * e) > 0 ? 1 : -1);
  const h = 1e-2;
  const at = async (step: number): Promise<Float32Array> =>
    network.run([first!.map((value, e) => value + step * sign(e)), ...rest], count);
  const [ahead, behind] = [await at(h), await at(-h)];
  for (let i = 0; i < count; i++) {
    let [expected, actual, size] = [0, 0, 0];
    for (let e = i * width; e < (i + 1) * width; e++) expected += (cotangent[e]! * (ahead[e]! - behind[e]!)) / (2 * h);
    for (let e = i * dim; e < (i + 1) * dim; e++) {
      actual += pulled.gradient[e]! * sign(e);
      size += Math.abs(pulled.gradient[e]!);
    }
    expect(size).toBeGreaterThan(0);
    expect(Math.abs(actual - expected)).toBeLessThan(tolerance * size);
  }
}

describe('a network of features', () => {
  it('gives the output called features, flat, in any number of runs', async () => {
    const whole = await open(imageFeatures([2, 3]), { images: 1, sampleShape: [2, 3] });
    const parts = await open(imageFeatures([2, 3]), { images: 1, sampleShape: [2, 3] }, 12);
    const one = await open(imageFeatures([2, 3], 1), { images: 1, sampleShape: [2, 3] });
    const values = waves(5 * 6, 1);
    const features = await whole.run([values], 5);
    expect(features).toHaveLength(10);
    expect(features[3]).toBeCloseTo(Math.tanh((values[9]! + values[10]! + values[11]!) / 3), 6);
    expect(await parts.run([values], 5)).toEqual(features);
    expect(await one.run([values], 5)).toEqual(features);
    for (const network of [whole, parts, one]) {
      await expectGradient(network, [values], 5);
      await network.release();
    }
  });

  it('may be another output', async () => {
    const network = await open(imageFeatures([4]), { images: 1, sampleShape: [4], output: 'sines' });
    const values = waves(8, 2);
    expect(Array.from(await network.run([values], 2))).toEqual(
      Array.from(values, (value) => expect.closeTo(Math.sin(value), 6) as number),
    );
    await expectGradient(network, [values], 2);
  });

  it('sees grey images in three channels, resized and in its range', async () => {
    const options = { images: 1, sampleShape: [1, 2, 2], scale: 0.5, shift: 0.5, output: 'sines' } as const;
    const network = await open(imageFeatures([3, 4, 4]), options);
    const sines = await network.run([Float32Array.of(-1, 1, 1, -1)], 1);
    expect(sines).toHaveLength(48);
    expect(sines.slice(16, 32)).toEqual(sines.slice(0, 16));
    // Half-pixel centres: 0, 1/4, 3/4, 1 along the first row, of values 0 and 1.
    [0, 0.25, 0.75, 1].forEach((value, i) => expect(sines[i]).toBeCloseTo(Math.sin(value), 5));
    await expectGradient(network, [waves(8, 3)], 2);
  });

  it('is given images of another size where the config says so', async () => {
    const network = await open(imageFeatures([1, 'height', 'width']), { images: 1, sampleShape: [1, 4, 4], size: 6 });
    expect(await network.run([waves(32, 4)], 2)).toHaveLength(12);
    await expectGradient(network, [waves(32, 4)], 2);
  });

  it('may be the classifier of the demo', async () => {
    const options = { images: 1, sampleShape: [1, 32, 32] } as const;
    const network = await ImageNetwork.open('media/demo/classifier.onnx', options, 'cpu');
    expect(await network.run([waves(2048, 5)], 2)).toHaveLength(128);
    // ReLU: differences of 0.01 cross kinks.
    await expectGradient(network, [waves(2048, 5)], 2, 5e-2);
    await network.release();
  });

  it('that takes the root of zero has no gradient there, and none that is NaN', async () => {
    const b = emptyGraph();
    b.addInput('image', DataType.FLOAT, ['batch', 2]);
    b.alias(b.emit('Sqrt', [b.emit('ReduceSum', [b.mul('image', 'image'), b.ints([1])], { keepdims: 1 })]), 'norm');
    b.addOutputPort(makePort('norm', DataType.FLOAT, ['batch', 1]));
    const network = await open(b.build('norm.onnx'), { images: 1, sampleShape: [2] });
    const { gradient } = await network.pullBack([Float32Array.of(3, 4, 0, 0)], Float32Array.of(1, 1), 2);
    [0.6, 0.8, 0, 0].forEach((value, e) => expect(gradient[e]).toBeCloseTo(value, 5));
  });

  it('that has no gradient says why, and can be run', async () => {
    const network = await open(featuresWithoutGradient(), { images: 1, sampleShape: [2] });
    expect(network.gradientProblem).toMatch(/the operator Det has no gradient rule/);
    expect((await network.run([Float32Array.of(1, 2)], 1))[0]).toBeCloseTo(Math.cos(2) - 2 * Math.cos(1), 5);
    await expect(network.pullBack([new Float32Array(2)], Float32Array.of(1), 1)).rejects.toThrow(/operator Det/);
  });
});

describe('a network that compares two images', () => {
  it('gives a number for each pair, with its gradient', async () => {
    const network = await open(imageDistance([3, 'height', 'width']), { images: 2, sampleShape: [1, 4, 4] }, 96);
    const [a, b] = [waves(48, 1), waves(48, 2)];
    const distances = await network.run([a, b], 3);
    for (let i = 0; i < 3; i++) {
      let sum = 0;
      for (let e = 16 * i; e < 16 * (i + 1); e++) sum += (Math.tanh(a[e]!) - Math.tanh(b[e]!)) ** 2;
      expect(distances[i]!).toBeCloseTo(sum / 16, 6);
    }
    expect(distances).toHaveLength(3);
    await expectGradient(network, [a, b], 3);
    await network.release();
  });

  it('has to give one number for each', async () => {
    const network = await open(
      twoImages((b) => b.sub('a', 'b')),
      { images: 2, sampleShape: [2] },
    );
    const images = [new Float32Array(4), new Float32Array(4)];
    await expect(network.run(images, 2)).rejects.toThrow('gives 4 numbers for 2 samples; it must give one for each.');
    const sum = await open(
      twoImages((b) => b.emit('ReduceSum', [b.sub('a', 'b')], { keepdims: 1 })),
      { images: 2, sampleShape: [2] },
    );
    await expect(sum.run(images, 2)).rejects.toThrow('gives 1 number for 2 samples; it must give one for each.');
  });
});

function twoImages(body: (b: ReturnType<typeof emptyGraph>) => string): OnnxModel {
  const b = emptyGraph();
  b.addInput('a', DataType.FLOAT, ['batch', 2]);
  b.addInput('b', DataType.FLOAT, ['batch', 2]);
  b.alias(body(b), 'd');
  b.addOutputPort(makePort('d', DataType.FLOAT, [null, null]));
  return b.build('pair.onnx');
}

describe('a network that does not fit', () => {
  it.each<[string, OnnxModel, ImageNetworkOptions, RegExp]>([
    [
      'has one input too many',
      imageDistance([4]),
      { images: 1, sampleShape: [4] },
      /has the inputs "image", "reference"; a network used here takes one, the samples\.$/,
    ],
    [
      'has one too few',
      imageFeatures([4]),
      { images: 2, sampleShape: [4] },
      /has the inputs "image"; a network used here takes two, the samples to compare\.$/,
    ],
    [
      'has no such output',
      imageFeatures([4]),
      { images: 1, sampleShape: [4], output: 'deep' },
      /has no output "deep"; its outputs are "sines", "features"\.$/,
    ],
    [
      'takes other channels',
      imageFeatures([4, 8, 8]),
      { images: 1, sampleShape: [3, 8, 8] },
      /the input "image" takes \[batch, 4, 8, 8\], and a sample is \[3, 8, 8\]\.$/,
    ],
    [
      'takes another rank',
      imageFeatures([4]),
      { images: 1, sampleShape: [1, 2, 2] },
      /the input "image" takes \[batch, 4\], and a sample is \[1, 2, 2\]\.$/,
    ],
    [
      'has a fixed batch',
      imageFeatures([4], 8),
      { images: 1, sampleShape: [4] },
      /has a fixed batch of 8; export it with a dynamic batch axis\.$/,
    ],
  ])('%s', async (_, model, options, message) => {
    await expect(open(model, options)).rejects.toThrow(message);
  });
});

it('a decoder of latents has a gradient, at the images it decodes', async () => {
  const decoder = await LatentDecoder.open('test/data/sd-tiny/vae_decoder/model.onnx', 'cpu');
  const network = await decoder.differentiable([4, 8, 8]);
  const latents = waves(2 * 256, 6).map((value) => 0.2 * value);
  const { values } = await decoder.decode(latents, [4, 8, 8]);
  const own = await network.run([latents], 2);
  values.forEach((value, i) => expect(own[i]!).toBeCloseTo(value, 4));
  await expectGradient(network, [latents], 2, 2e-2);
  await network.release();
  await decoder.release();
});
