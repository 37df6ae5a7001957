import { headerOf } from '../onnx/header';
import { openModelFile } from '../onnx/open-file';
import { serializeModel } from '../onnx/write';
import { breathe } from './abort';
import type { Device } from './device-name';
import { floatTensor, openSession } from './session';
import type { Session } from './session';

/** A classifier ONNX: input [B, …sample shape], outputs `logits` [B, classes] and `features` [B, d]. */
export class Classifier {
  private constructor(
    private readonly path: string,
    private readonly session: Session,
    private readonly input: string,
    private readonly sampleShape: readonly number[],
  ) {}

  static async open(
    path: string,
    sampleShape: readonly number[],
    device: Exclude<Device, 'auto'>,
  ): Promise<Classifier> {
    const model = await openModelFile(path);
    const [input] = headerOf(model).inputs;
    if (!input) throw new Error(`The classifier ${path} has no input.`);
    const session = await openSession(serializeModel(model), device, path, model.weights?.folder);
    return new Classifier(path, session, input.name, sampleShape);
  }

  /** @param samples `count × dim`. */
  async run(samples: Float32Array, signal?: AbortSignal): Promise<{ logits: Float32Array; features: Float32Array }> {
    await breathe(signal);
    const dim = this.sampleShape.reduce((product, size) => product * size, 1);
    const shape = [samples.length / dim, ...this.sampleShape];
    const { logits, features } = await this.session.run({ [this.input]: floatTensor(samples, shape) });
    if (!logits || !features)
      throw new Error(`The classifier ${this.path} needs two outputs named logits and features.`);
    return { logits, features };
  }

  release(): Promise<void> {
    return this.session.release();
  }
}
