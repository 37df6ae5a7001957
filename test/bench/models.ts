import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import * as ort from 'onnxruntime-node';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { serializeModel } from '../../src/onnx';
import { buildUNet, unet10m } from './unet';

export type Feeds = Record<string, ort.Tensor>;

interface Port {
  readonly dims: (batch: number) => readonly number[];
  /** Values between these, uniformly; integers for an int64 input. */
  readonly range: readonly [number, number];
  readonly type?: 'int64';
}

/** A network with the sizes to measure it at. */
export interface BenchModel {
  readonly name: string;
  readonly kind: 'convolutional' | 'transformer';
  readonly batches: readonly number[];
  readonly inputs: Readonly<Record<string, Port>>;
  readonly output: { readonly name: string; readonly dims: (batch: number) => readonly number[] };
  /** The bytes of the ONNX file. */
  readonly read: () => Uint8Array;
}

const fromFile = (path: string) => (): Uint8Array => readFileSync(resolve(path));
const image = (channels: number, size: number) => ({
  dims: (batch: number) => [batch, channels, size, size],
  range: [-1.7, 1.7] as const,
});
const perSample = (low: number, high: number) => ({
  dims: (batch: number) => [batch],
  range: [low, high] as const,
});

/** At 16×16 latents, 256 positions with heads of three channels, nearly all of its time is attention. */
function condUNet(name: string, size: number): BenchModel {
  return {
    name,
    kind: 'transformer',
    batches: [16],
    inputs: {
      sample: image(4, size),
      timestep: { dims: () => [1], range: [1, 999], type: 'int64' },
      encoder_hidden_states: { dims: (batch) => [batch, 16, 16], range: [-1.7, 1.7] },
    },
    output: { name: 'out_sample', dims: image(4, size).dims },
    read: fromFile('test/data/onnx/cond_unet2d.onnx'),
  };
}

export const models: readonly BenchModel[] = [
  {
    name: 'demo',
    kind: 'convolutional',
    batches: [16],
    inputs: { sample: image(1, 32), sigma: perSample(0.5, 5), class_labels: { ...perSample(0, 9), type: 'int64' } },
    output: { name: 'denoised', dims: image(1, 32).dims },
    read: fromFile('media/demo/unet.onnx'),
  },
  {
    name: 'ddpm_unet2d',
    kind: 'convolutional',
    batches: [16],
    inputs: { sample: image(3, 8), timestep: perSample(1, 999) },
    output: { name: 'out_sample', dims: image(3, 8).dims },
    read: fromFile('test/data/onnx/ddpm_unet2d.onnx'),
  },
  condUNet('cond_unet2d', 8),
  condUNet('cond_unet2d_16', 16),
  {
    name: 'dit_tiny',
    kind: 'transformer',
    batches: [16],
    inputs: {
      hidden_states: image(4, 8),
      timestep: perSample(1, 999),
      class_labels: { ...perSample(0, 9), type: 'int64' },
    },
    output: { name: 'out_sample', dims: image(8, 8).dims },
    read: fromFile('test/data/onnx/dit_tiny.onnx'),
  },
  {
    name: 'unet10m',
    kind: 'convolutional',
    batches: [1, 16],
    inputs: { sample: image(3, unet10m.size), timestep: perSample(1, 999) },
    output: { name: 'noise', dims: image(3, unet10m.size).dims },
    read: () => serializeModel(buildUNet(unet10m).model),
  },
];

/** The same random inputs every time. */
export function inputFeeds(model: BenchModel, batch: number): Feeds {
  const generator = xoroshiro128plus(1);
  return Object.fromEntries(
    Object.entries(model.inputs).map(
      ([
        name,
        {
          dims,
          range: [low, high],
          type,
        },
      ]) => {
        const shape = dims(batch);
        const values = Float32Array.from(
          { length: elements(shape) },
          () => low + (high - low) * uniformFloat64(generator),
        );
        const tensor =
          type === 'int64'
            ? new ort.Tensor(
                'int64',
                BigInt64Array.from(values, (value) => BigInt(Math.round(value))),
                shape,
              )
            : new ort.Tensor('float32', values, shape);
        return [name, tensor];
      },
    ),
  );
}

/** The inputs and a cotangent of ±1. */
export function vjpFeeds(model: BenchModel, batch: number): Feeds {
  const shape = model.output.dims(batch);
  const cotangent = Float32Array.from({ length: elements(shape) }, (_, i) => Math.sign(Math.sin(12.9 * i + 0.3)));
  return {
    ...inputFeeds(model, batch),
    [`${model.output.name}_cotangent`]: new ort.Tensor('float32', cotangent, shape),
  };
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}
