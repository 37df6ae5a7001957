import { OnnxError } from '../onnx/errors';
import { buildImageNetworkGraph, buildImageNetworkVjp } from '../onnx/image-network-graph';
import type { ImageNetworkGraph, ImageNetworkOptions } from '../onnx/image-network-graph';
import { openModelFile } from '../onnx/open-file';
import { serializeModel } from '../onnx/write';
import { breathe } from './abort';
import type { Device } from './device-name';
import { floatTensor, openSession } from './session';
import type { Session } from './session';

/** Image elements that go through at once by default: three colour images of 224 × 224 take a network some 100 MB. */
const elementsAtOnce = 2 ** 19;

/**
 * A network that looks at samples: features of one, or the distance of two. Sessions are opened at first use, the
 * gradient's only if it is asked for.
 */
export class ImageNetwork {
  private forward: Promise<Session> | undefined;
  private backward: Promise<Session> | undefined;

  private constructor(
    private readonly graph: ImageNetworkGraph,
    private readonly vjp: ReturnType<typeof buildImageNetworkVjp> | null,
    /** Why there is no gradient (an operator without a rule), or null. */
    readonly gradientProblem: string | null,
    private readonly options: ImageNetworkOptions,
    private readonly device: Exclude<Device, 'auto'>,
    private readonly atOnce: number,
  ) {}

  /**
   * @param mostElements of images in one run
   * @throws OnnxError when the file cannot be read or its ports do not fit
   */
  static async open(
    path: string,
    options: ImageNetworkOptions,
    device: Exclude<Device, 'auto'>,
    mostElements = elementsAtOnce,
  ): Promise<ImageNetwork> {
    const graph = buildImageNetworkGraph(await openModelFile(path), options);
    const atOnce = graph.batch ?? Math.max(1, Math.floor(mostElements / graph.elements));
    let vjp: ReturnType<typeof buildImageNetworkVjp> | null = null;
    let problem: string | null = null;
    try {
      vjp = buildImageNetworkVjp(graph);
    } catch (error) {
      if (!(error instanceof OnnxError)) throw error;
      problem = error.message;
    }
    return new ImageNetwork(graph, vjp, problem, options, device, atOnce);
  }

  /**
   * @param images as many arrays as the network takes, `count × sampleShape` each
   * @returns `count × width`
   */
  async run(images: readonly Float32Array[], count: number, signal?: AbortSignal): Promise<Float32Array> {
    this.forward ??= this.open(this.graph.model, 'the network');
    const session = await this.forward;
    let out: Float32Array | undefined;
    for (const { from, size, feeds } of this.parts(images, count)) {
      await breathe(signal);
      const { [this.graph.output]: values } = await session.run(feeds);
      this.requireRows(values!, size);
      out = put(out, values!, from, size, count);
    }
    return out ?? new Float32Array();
  }

  /**
   * The outputs, `count × width`, and Σ_e cotangent_e·∂output_e/∂(first image), `count × sampleShape`.
   *
   * @param cotangent `count × width`
   */
  async pullBack(
    images: readonly Float32Array[],
    cotangent: Float32Array,
    count: number,
    signal?: AbortSignal,
  ): Promise<{ readonly output: Float32Array; readonly gradient: Float32Array }> {
    if (!this.vjp) throw new OnnxError('unsupported-operator', this.gradientProblem ?? '');
    const { model, cotangent: cotangentName, gradient: gradientName } = this.vjp;
    this.backward ??= this.open(model, 'the gradient of the network');
    const session = await this.backward;
    const width = cotangent.length / count;
    let output: Float32Array | undefined;
    let gradient: Float32Array | undefined;
    for (const { from, size, feeds } of this.parts(images, count)) {
      await breathe(signal);
      const part = floatTensor(cotangent.subarray(from * width, (from + size) * width), [size, width]);
      const results = await session.run({ ...feeds, [cotangentName]: part });
      output = put(output, results[this.graph.output]!, from, size, count);
      gradient = put(gradient, results[gradientName]!, from, size, count);
    }
    return { output: output ?? new Float32Array(), gradient: gradient ?? new Float32Array() };
  }

  async release(): Promise<void> {
    // A session that could not be opened has been reported where it was asked for.
    for (const session of [this.forward, this.backward]) await (await session?.catch(() => undefined))?.release();
  }

  private open(model: ImageNetworkGraph['model'], what: string): Promise<Session> {
    return openSession(serializeModel(model), this.device, `${what} ${model.label}`, model.weights?.folder);
  }

  /** A network that sums over the batch says nothing about a sample. */
  private requireRows(values: Float32Array, size: number): void {
    const rows = values.length / size;
    if (values.length > 0 && Number.isInteger(rows) && (this.options.images === 1 || rows === 1)) return;
    const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
    throw new OnnxError(
      'ports',
      `${this.graph.model.label} gives ${plural(values.length, 'number')} for ${plural(size, 'sample')}; it must give ` +
        `${this.options.images === 1 ? 'as many for each' : 'one for each'}.`,
    );
  }

  private *parts(images: readonly Float32Array[], count: number) {
    const { sampleShape } = this.options;
    const dim = sampleShape.reduce((product, length) => product * length, 1);
    for (let from = 0; from < count; from += this.atOnce) {
      const size = Math.min(this.atOnce, count - from);
      const feeds = Object.fromEntries(
        this.graph.inputs.map((name, i) => [
          name,
          floatTensor(images[i]!.subarray(from * dim, (from + size) * dim), [size, ...sampleShape]),
        ]),
      );
      yield { from, size, feeds };
    }
  }
}

/** Writes the values of a part into those of all samples. */
function put(
  all: Float32Array | undefined,
  values: Float32Array,
  from: number,
  size: number,
  count: number,
): Float32Array {
  const width = values.length / size;
  const out = all ?? new Float32Array(count * width);
  out.set(values, from * width);
  return out;
}
