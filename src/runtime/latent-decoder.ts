import { dirname, join } from 'node:path';
import { OnnxError } from '../onnx/errors';
import { headerOf } from '../onnx/header';
import { openModelFile } from '../onnx/open-file';
import { readJson } from '../onnx/pipeline-folder';
import { serializeModel } from '../onnx/write';
import { breathe } from './abort';
import type { Device } from './device-name';
import { ImageNetwork } from './image-network';
import { openSession } from './session';
import type { Session } from './session';

export interface DecodedImages {
  /** `count × channels × height × width`, −1 black and 1 white. */
  readonly values: Float32Array;
  /** [channels, height, width] */
  readonly shape: readonly number[];
}

/** What diffusers' AutoencoderKL has when its config.json says nothing. */
const defaultScalingFactor = 0.18215;

/** Latent elements that go through at once: one of Stable Diffusion's, since an image takes gigabytes on the way. */
const elementsAtOnce = 16_384;

/** The decoder of a latent diffusion model: image = decode(latent / scaling_factor + shift_factor). */
export class LatentDecoder {
  private constructor(
    private readonly path: string,
    private readonly session: Session,
    private readonly input: string,
    private readonly scale: number,
    private readonly shift: number,
    private readonly device: Exclude<Device, 'auto'>,
  ) {}

  /** @param path `vae_decoder/model.onnx`, with config.json beside it. */
  static async open(path: string, device: Exclude<Device, 'auto'>): Promise<LatentDecoder> {
    const config = (await readJson(join(dirname(path), 'config.json'))) ?? {};
    const number = (key: string, fallback: number): number =>
      typeof config[key] === 'number' ? config[key] : fallback;
    const model = await openModelFile(path);
    const [input] = headerOf(model).inputs;
    if (!input) throw new OnnxError('ports', `The decoder ${path} has no input; export it again.`);
    const session = await openSession(serializeModel(model), device, path, model.weights?.folder);
    const scale = number('scaling_factor', defaultScalingFactor);
    return new LatentDecoder(path, session, input.name, scale, number('shift_factor', 0), device);
  }

  /** @param latents `count × sampleShape`. */
  async decode(latents: Float32Array, sampleShape: readonly number[], signal?: AbortSignal): Promise<DecodedImages> {
    const dim = sampleShape.reduce((product, size) => product * size, 1);
    const count = latents.length / dim;
    const atOnce = Math.max(1, Math.floor(elementsAtOnce / dim));
    const scaled = latents.map((value) => value / this.scale + this.shift);
    let values: Float32Array | undefined;
    let shape: readonly number[] = [];
    for (let from = 0; from < count; from += atOnce) {
      await breathe(signal);
      const size = Math.min(atOnce, count - from);
      const data = scaled.subarray(from * dim, (from + size) * dim);
      const batch = { dtype: 'float32', shape: [size, ...sampleShape], data };
      const [image] = Object.values(await this.session.runValues({ [this.input]: batch }));
      if (image?.shape.length !== 4) {
        throw new OnnxError('ports', `The decoder ${this.path} gives no images [batch, channels, height, width].`);
      }
      shape = image.shape.slice(1);
      values ??= new Float32Array((count * image.data.length) / size);
      values.set(image.data, (from * image.data.length) / size);
    }
    return { values: values ?? new Float32Array(), shape };
  }

  /** The decoder with its gradient, for who needs more than pictures. Computed in float32. */
  differentiable(sampleShape: readonly number[]): Promise<ImageNetwork> {
    const options = { images: 1, sampleShape, scale: 1 / this.scale, shift: this.shift } as const;
    return ImageNetwork.open(this.path, options, this.device, elementsAtOnce);
  }

  release(): Promise<void> {
    return this.session.release();
  }
}
