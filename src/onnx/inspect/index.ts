import { OnnxError } from '../errors';
import { headerOf, type ModelHeader, type PortInfo } from '../header';
import type { OnnxModel } from '../model';
import { guessPorts, type NetworkPorts } from '../ports';
import { prepareModel } from '../prepare';
import { buildVjpGraph } from '../vjp';
import { fixSizes } from './fix-sizes';
import { countFlops, type Flops } from './flops';
import { gradientReport, type Blocker, type InputGradient } from './gradient';
import { guessKind, guessPrediction, type Kind } from './kind';
import { peakMemory, type Memory } from './memory';
import { countParameters, type Parameters } from './parameters';
import { chooseSizes, type Sizes } from './sizes';
import { staticGraph, type StaticGraph } from './static-graph';

export type { Blocker } from './gradient';
export type { Family, Flops } from './flops';

/** What one pass costs at the sizes of the inspection, per sample. */
export interface Cost extends Flops, Memory {}

/** Everything that can be said of a model file without running it. Plain data; keys are stable. */
export interface Inspection {
  readonly file: string;
  readonly fileBytes: number;
  readonly irVersion: number;
  /** Version by operator domain; `ai.onnx` is the default one. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly producer: string;
  readonly inputs: readonly PortInfo[];
  readonly outputs: readonly PortInfo[];
  readonly parameters: Parameters;
  readonly nodeCount: number;
  readonly operators: Readonly<Record<string, number>>;
  /** null when the ports are not those of a denoiser. */
  readonly ports: NetworkPorts | null;
  readonly kind: Kind;
  readonly kindReason: string;
  /** null when the model is no denoiser. */
  readonly predictionType: string | null;
  /** Shapes that FLOPs and memory are for, by port. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly batch: number;
  /** null when the graph cannot be followed; `notes` says why. */
  readonly forward: Cost | null;
  /** The gradient graph with respect to all float inputs, its forward pass included; null when something blocks it. */
  readonly vjp: Cost | null;
  readonly gradients: readonly InputGradient[];
  readonly blockers: readonly Blocker[];
  readonly notes: readonly string[];
}

/**
 * Inspects an opened model.
 *
 * @param fileBytes size of the `.onnx` file
 * @param shapes of inputs, by name, for dimensions that the file leaves open
 * @throws OnnxError for shapes that do not fit the model
 */
export function inspectModel(
  given: OnnxModel,
  fileBytes: number,
  shapes: ReadonlyMap<string, readonly number[]> = new Map(),
): Inspection {
  const header = headerOf(given);
  const ports = orNull(() => guessPorts(header));
  const sizes = chooseSizes(header, shapes);
  const model = fixSizes(given, sizes);
  const notes = [...sizes.notes];
  const noted = <T>(step: () => T): T | null =>
    orNull(step, (error) => notes.push(error.message.replace(`${given.label}: `, '')));
  const prepared = noted(() => prepareModel(model, 'keep'));
  const forward = prepared && noted(() => staticGraph(prepared));
  const gradient = noted(() => gradientReport(model));
  const vjp = gradient?.blockers.length === 0 ? noted(() => staticGraph(buildVjpGraph(model))) : null;
  if (vjp && header.inputs.some(({ dtype }) => /^b?float16$/.test(dtype))) {
    notes.push(
      'The gradient graph computes in float32; where the file has 16 bits its inputs and outputs are float32.',
    );
  }
  const batch = batchOf(header, ports, sizes);
  const outputs = new Map(header.outputs.map((port) => [port.name, outputShape(port, forward)]));
  const { kind, reason } = guessKind(
    { ...header, ...(prepared && { operators: headerOf(prepared).operators }) },
    ports,
    outputs,
    sizes,
  );
  return {
    file: given.label,
    fileBytes,
    irVersion: header.irVersion,
    opsets: Object.fromEntries(
      given.proto.opsetImport.map(({ domain, version }) => [domain === '' ? 'ai.onnx' : domain, Number(version)]),
    ),
    producer: header.producer,
    inputs: header.inputs,
    outputs: header.outputs,
    parameters: countParameters(given.proto),
    nodeCount: header.nodeCount,
    operators: byCount(header.operators),
    ports,
    kind,
    kindReason: reason,
    predictionType: guessPrediction(kind, ports, sizes, outputs),
    shapes: { ...Object.fromEntries(sizes.inputs), ...Object.fromEntries(knownShapes(outputs)) },
    batch,
    forward: forward && costOf(forward, batch),
    vjp: vjp && costOf(vjp, batch),
    gradients: gradient?.inputs ?? [],
    blockers: gradient?.blockers ?? [],
    notes: [...new Set(notes)],
  };
}

/** Null for sizes that do not follow from those of the inputs. */
function outputShape({ name, shape }: PortInfo, graph: StaticGraph | null): (number | null)[] {
  return (graph?.factsOf(name).shape ?? shape ?? []).map((size) => (typeof size === 'number' ? size : null));
}

function knownShapes(shapes: ReadonlyMap<string, readonly (number | null)[]>): [string, number[]][] {
  return [...shapes].flatMap(([name, shape]): [string, number[]][] =>
    shape.every((size) => size !== null) ? [[name, [...shape]]] : [],
  );
}

/** The step's result, or null when the model does not let it. */
function orNull<T>(step: () => T, tell: (error: OnnxError) => void = () => undefined): T | null {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    tell(error);
    return null;
  }
}

/** Samples in one run: the first dimension of the sample, or of the first input with at least two dimensions. */
function batchOf(header: ModelHeader, ports: NetworkPorts | null, sizes: Sizes): number {
  const port = ports?.sample ?? header.inputs.find(({ shape }) => (shape?.length ?? 0) >= 2)?.name ?? '';
  return sizes.inputs.get(port)?.[0] ?? 1;
}

function costOf(graph: StaticGraph, batch: number): Cost {
  const { flops, macs, byFamily, uncounted } = countFlops(graph);
  const { peakBytes, unknownValues } = peakMemory(graph);
  const each = (value: number): number => Math.round(value / batch);
  return {
    flops: each(flops),
    macs: each(macs),
    byFamily: {
      convolution: each(byFamily.convolution),
      linear: each(byFamily.linear),
      attention: each(byFamily.attention),
      normalisation: each(byFamily.normalisation),
      other: each(byFamily.other),
    },
    uncounted,
    peakBytes: each(peakBytes),
    unknownValues,
  };
}

function byCount(operators: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(operators).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)));
}
