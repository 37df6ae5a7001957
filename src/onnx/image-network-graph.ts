import { GraphBuilder } from './builder';
import { DataType, isFloat } from './dtype';
import { OnnxError } from './errors';
import type { ValueInfoProto } from './generated/onnx_pb';
import { initialiserNames, portInfo } from './header';
import type { OnnxModel } from './model';
import { prepareModel } from './prepare';
import { declaredFacts } from './value-facts';
import { buildVjpGraph } from './vjp';

export interface ImageNetworkOptions {
  /** Samples that the network takes: one to look at, or two to compare. */
  readonly images: 1 | 2;
  /** Shape of a sample, [channels, height, width] for an image. */
  readonly sampleShape: readonly number[];
  /** Name of the output; by default `features` if there is one so called, else the first. */
  readonly output?: string | undefined;
  /** The network sees scale·sample + shift. Default 1 and 0. */
  readonly scale?: number;
  readonly shift?: number;
  /** Images are resized to size × size; by default to what the network's port says, if it says something. */
  readonly size?: number | undefined;
}

export interface ImageNetworkGraph {
  readonly model: OnnxModel;
  /** Names of the inputs, `batch × sampleShape` each, and of the output, `batch × width`. All are float32. */
  readonly inputs: readonly string[];
  readonly output: string;
  /** Samples in a run where the file fixes it (to one); null: any number. */
  readonly batch: 1 | null;
  /** Elements of an image as the network sees it. */
  readonly elements: number;
}

/**
 * Puts a shell around a network that looks at samples, so that it takes them as they come out of a solver:
 *
 *     y = flatten(F(resize(repeat(scale·x + shift))))
 *
 * Grey images are repeated to three channels where the network wants those; images of another size are resized
 * (bilinear, half-pixel centres, no antialiasing, as PyTorch's `interpolate`). Half precision is computed in float32.
 *
 * @throws OnnxError (`ports`) when the network does not fit
 */
export function buildImageNetworkGraph(given: OnnxModel, options: ImageNetworkOptions): ImageNetworkGraph {
  const model = prepareModel(given);
  const { graph, label } = model;
  const weights = initialiserNames(graph);
  const ports = graph.input.filter(({ name }) => !weights.has(name));
  if (ports.length !== options.images) {
    const wanted = options.images === 1 ? 'one, the samples' : 'two, the samples to compare';
    const names = ports.map(({ name }) => `"${name}"`).join(', ') || 'none';
    throw new OnnxError('ports', `${label} has the inputs ${names}; a network used here takes ${wanted}.`);
  }
  const result = outputOf(model, options.output);
  const b = new GraphBuilder(model);
  const batch = batchOf(model, ports);
  const symbol = batch ?? ports.map((port) => portInfo(port).shape?.[0]).find((dim) => typeof dim === 'string');
  const inputs = ports.map((_, i) =>
    b.addInput(b.claim(i === 0 ? 'x' : 'target'), DataType.FLOAT, [symbol ?? 'batch', ...options.sampleShape]),
  );
  const sizes = ports.map((port, i) => feedImage(b, inputs[i] ?? '', port, options));
  b.include(graph);
  const flat = b.emit('Flatten', [result], { axis: 1 });
  const output = b.claim('y');
  b.alias(b.typeOf(flat) === DataType.FLOAT ? flat : b.emit('Cast', [flat], { to: DataType.FLOAT }), output);
  b.addOutput(output);
  return { model: b.build(label), inputs, output, batch, elements: sizes[0] ?? 0 };
}

/**
 * The vector–Jacobian product of such a graph with respect to its first input: adds the input `cotangent` (shaped like the
 * output) and the output `gradient` (shaped like the samples).
 *
 * @throws UnsupportedOperatorError for an operator without a gradient rule
 */
export function buildImageNetworkVjp({ model, inputs, output }: ImageNetworkGraph): {
  readonly model: OnnxModel;
  readonly cotangent: string;
  readonly gradient: string;
} {
  const free = new GraphBuilder(model);
  const [cotangent, gradient] = [free.claim('cotangent'), free.claim('gradient')];
  const vjp = buildVjpGraph(model, {
    outputs: [output],
    inputs: inputs.slice(0, 1),
    cotangentName: () => cotangent,
    gradientName: () => gradient,
  });
  return { model: vjp, cotangent, gradient };
}

function outputOf({ graph, label }: OnnxModel, wanted: string | undefined): string {
  const names = graph.output.map(({ name }) => name);
  const name = wanted ?? names.find((candidate) => candidate === 'features') ?? names[0];
  const port = graph.output.find((candidate) => candidate.name === name);
  if (!port) {
    const list = names.map((candidate) => `"${candidate}"`).join(', ') || 'none';
    throw new OnnxError('ports', `${label} has no output "${wanted ?? ''}"; its outputs are ${list}.`);
  }
  const { type, shape } = declaredFacts(port);
  if ((type !== DataType.UNDEFINED && !isFloat(type)) || shape?.length === 0) {
    const what = shape?.length === 0 ? 'one number for the whole batch' : portInfo(port).dtype;
    throw new OnnxError('ports', `${label}: the output "${port.name}" is ${what}; it must be floats for each sample.`);
  }
  return port.name;
}

/** 1 when an input has a batch of one; null when all are free. */
function batchOf({ label }: OnnxModel, ports: readonly ValueInfoProto[]): 1 | null {
  const fixed = ports.map((port) => portInfo(port).shape?.[0]).filter((dim) => typeof dim === 'number');
  if (fixed.some((dim) => dim !== 1)) {
    const message = `${label} has a fixed batch of ${Math.max(...fixed)}; export it with a dynamic batch axis.`;
    throw new OnnxError('ports', message);
  }
  return fixed.length > 0 ? 1 : null;
}

/** Connects samples to a port of the network. Returns the elements of an image there. */
function feedImage(b: GraphBuilder, samples: string, port: ValueInfoProto, options: ImageNetworkOptions): number {
  const { sampleShape, scale = 1, shift = 0, size } = options;
  const { type, shape: declared } = declaredFacts(port);
  const wanted = declared?.slice(1) ?? sampleShape.map(() => null);
  const refuse = (): never => {
    const takes = `[${
      portInfo(port)
        .shape?.map((dim) => dim ?? '?')
        .join(', ') ?? ''
    }]`;
    const message = `${b.source.label}: the input "${port.name}" takes ${takes}, and a sample is [${sampleShape.join(', ')}].`;
    throw new OnnxError('ports', message);
  };
  if (wanted.length !== sampleShape.length || !isFloat(type)) refuse();
  let value = b.scale(samples, scale);
  if (shift !== 0) value = b.add(value, b.scalar(shift, value));
  let shape = [...sampleShape];
  const fits = (axis: number): boolean => typeof wanted[axis] !== 'number' || wanted[axis] === shape[axis];
  if (shape.length === 3) {
    if (shape[0] === 1 && wanted[0] === 3) {
      value = b.emit('Concat', [value, value, value], { axis: 1 });
      shape = [3, ...shape.slice(1)];
    }
    const sides = [1, 2].map((axis) => size ?? (fits(axis) ? shape[axis] : wanted[axis]));
    if (sides.some((side, i) => side !== shape[i + 1])) {
      const [height = 0, width = 0] = sides.map(Number);
      const settings = { axes: [2, 3], mode: 'linear', coordinate_transformation_mode: 'half_pixel' };
      value = b.emit('Resize', [value, undefined, undefined, b.ints([height, width])], settings);
      shape = [shape[0] ?? 0, height, width];
    }
  }
  if (!shape.every((_, axis) => fits(axis))) refuse();
  b.alias(type === DataType.FLOAT ? value : b.emit('Cast', [value], { to: type }), port.name);
  return shape.reduce((product, length) => product * length, 1);
}
