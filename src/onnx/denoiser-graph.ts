import { GraphBuilder } from './builder';
import { multiplyDims, divideDims, type Dim } from './dims';
import { DataType, dtypeName, isFloat } from './dtype';
import { OnnxError } from './errors';
import { GraphProtoSchema, type GraphProto, type ValueInfoProto } from './generated/onnx_pb';
import { initialiserNames, portInfo } from './header';
import type { OnnxModel } from './model';
import type { NetworkPorts } from './ports';
import { renameValues } from './rename';
import { prepareModel, type Halves } from './prepare';
import { revise } from './revise';
import { declaredFacts, makePort } from './value-facts';
import { buildVjpGraph } from './vjp';

export { guessPorts, type NetworkPorts } from './ports';

export interface DenoiserGraphOptions {
  readonly ports: NetworkPorts;
  /** Classifier-free guidance: the conditional and the unconditional branch in one batch. */
  readonly guidance: boolean;
  /** Adds the input `guidance_rescale` [B]. Default false; needs guidance. */
  readonly guidanceRescale?: boolean;
  /** [C, H, W]: fixes the sizes that the file leaves open, so that less of the gradient is worked out while running. */
  readonly sampleShape?: readonly number[];
  /** float16 and bfloat16 networks: computed in float32 (the default, and always in gradients), or as stored. */
  readonly halves?: Halves;
}

const scalarInputs = ['c_in', 'c_skip', 'c_out', 't_net'] as const;
/** Names of the shell's ports; values of the network that are called so make room. */
const shellNames = [
  'x',
  ...scalarInputs,
  'guidance_scale',
  'guidance_rescale',
  'class_labels',
  'class_labels_uncond',
  'denoised',
  'cotangent',
];

/**
 * Puts the shell of a denoiser around a network:
 *
 *     D = c_skip·x + c_out·F(c_in·x, t_net, labels),    F = F_u + g·(F_c − F_u) with guidance
 *
 * With `guidanceRescale` the guided F of each sample is multiplied with φ·std(F_c)/std(F) + 1 − φ (Lin et al. 2024, Eqs. 14
 * to 16; diffusers' `guidance_rescale`), std over all elements of the sample, φ = `guidance_rescale` [B].
 *
 * Inputs, all float32 unless said otherwise: `x` [B, …]; `c_in`, `c_skip`, `c_out`, `t_net` [B]; with guidance
 * `guidance_scale` [B]; `class_labels` (and with guidance `class_labels_uncond`) [B] int64 when the network has labels.
 * Output: `denoised`, shaped like `x`. Which c's make D the data prediction is the noise schedule's business.
 *
 * The network's timestep may be [B] or [B, 1], float or integer (then t_net is rounded). A timestep of no dimensions or
 * of one element is shared by the batch: the graph takes `t_net` [B] and uses its first element, so the caller batches
 * samples of equal time. Labels may be one-hot floats [B, K]; the label K then means "none" (all zeros). An output with
 * twice the sample's channels (learned variance) is cut to the first half. Other inputs of the network stay inputs under
 * their own names, or that of `outerName` (with guidance, for 2·B samples: conditional first). Float16 ports of the shell
 * are cast at the edges.
 */
export function buildDenoiserGraph(given: OnnxModel, options: DenoiserGraphOptions): OnnxModel {
  const { ports, guidance, guidanceRescale: rescale = false } = options;
  const model = prepareModel(given, options.halves);
  const { graph, roles } = makeRoom(model, ports);
  const b = new GraphBuilder({ ...model, graph });
  const sample = { shape: fixShape(floatPort(model, roles.sample).shape, options.sampleShape) };
  const inner = sample.shape[0] ?? null;
  const batch: Dim = guidance && typeof inner === 'number' ? divideDims(inner, 2) : (inner ?? 'batch');
  if (batch === null) {
    throw new OnnxError(
      'ports',
      `${model.label} has a fixed batch of ${inner}, and guidance needs two branches in it; export it with a dynamic batch.`,
    );
  }
  const rank = sample.shape.length;

  const x = b.addInput('x', DataType.FLOAT, [batch, ...sample.shape.slice(1)]);
  for (const name of scalarInputs) b.addInput(name, DataType.FLOAT, [batch]);
  if (guidance) b.addInput('guidance_scale', DataType.FLOAT, [batch]);
  if (guidance && rescale) b.addInput('guidance_rescale', DataType.FLOAT, [batch]);
  const overBatch = (value: string) => b.reshape(value, [-1, ...Array<number>(rank - 1).fill(1)]);
  const both = (value: string, other = value) => (guidance ? b.emit('Concat', [value, other], { axis: 0 }) : value);

  feed(b, both(b.mul(overBatch('c_in'), x)), roles.sample);
  feedTimestep(b, both('t_net'), roles.timestep, inner);
  if (roles.classLabels !== undefined) {
    b.addInput('class_labels', DataType.INT64, [batch]);
    if (guidance) b.addInput('class_labels_uncond', DataType.INT64, [batch]);
    feedLabels(b, guidance ? both('class_labels', 'class_labels_uncond') : 'class_labels', roles.classLabels);
  }
  const fed = new Set([roles.sample, roles.timestep, roles.classLabels].map((port) => port?.name));
  const initialisers = initialiserNames(graph);
  for (const input of graph.input) {
    if (fed.has(input.name) || initialisers.has(input.name)) continue;
    b.addInputPort(guidance ? withBatch(input, multiplyDims(2, batch)) : input);
  }

  // Inside, a batch symbol would mean 2·B and outside B; ONNX Runtime plans memory by such names.
  b.include(guidance ? withoutSymbols(graph) : graph);

  const raw = trimVariance(b, roles.output.name, sample.shape);
  const f = b.typeOf(raw) === DataType.FLOAT ? raw : b.emit('Cast', [raw], { to: DataType.FLOAT });
  const axes = Array.from({ length: rank - 1 }, (_, i) => i + 1);
  const rescaling = guidance && rescale ? { factor: overBatch('guidance_rescale'), axes } : undefined;
  const guided = guidance ? guide(b, f, overBatch('guidance_scale'), rescaling) : f;
  const skip = b.mul(overBatch('c_skip'), x);
  b.alias(b.add(skip, b.mul(overBatch('c_out'), guided)), 'denoised');
  b.assumeShapeOf('denoised', x);
  b.addOutput('denoised');
  return b.build(model.label);
}

/**
 * The denoiser and its vector–Jacobian product in one graph: adds the input `cotangent` (shaped like `x`) and the
 * outputs `grad_x`, `grad_c_in`, `grad_c_skip`, `grad_c_out` and `grad_t_net` ([B] each) beside `denoised`. A network
 * with an integer timestep has no derivative in time: `grad_t_net` is left out and `notes` says so. With a shared
 * timestep all of its gradient is in the first element of `grad_t_net`.
 *
 * @param also further float inputs to differentiate, each with an output `grad_<name>`: `guidance_scale`, conditioning
 */
export function buildDenoiserVjpGraph(
  model: OnnxModel,
  options: DenoiserGraphOptions,
  also: readonly string[] = [],
): { model: OnnxModel; notes: string[] } {
  const timestep = portNamed(model, 'input', options.ports.timestep);
  const continuous = isFloat(elementType(timestep));
  const inputs = [...['x', ...scalarInputs].filter((name) => continuous || name !== 't_net'), ...also];
  const notes = continuous
    ? []
    : [
        `${model.label} takes an integer timestep ("${timestep.name}", ${portInfo(timestep).dtype}), so there is no gradient with respect to evaluation times.`,
      ];
  const denoiser = buildDenoiserGraph(model, { ...options, halves: 'widen' });
  const vjp = buildVjpGraph(denoiser, {
    outputs: ['denoised'],
    inputs,
    cotangentName: () => 'cotangent',
    gradientName: (input) => `grad_${input}`,
  });
  return { model: vjp, notes };
}

interface Roles {
  readonly sample: ValueInfoProto;
  readonly timestep: ValueInfoProto;
  readonly classLabels?: ValueInfoProto;
  readonly output: ValueInfoProto;
}

const reservedNames = new Set([...shellNames, ...['x', ...scalarInputs].map((name) => `grad_${name}`)]);

/** What an input of the network that the shell leaves open is called outside. */
export function outerName(input: string): string {
  return reservedNames.has(input) ? `s4s_network_${input}` : input;
}

/** Renames values of the network that bear a name of the shell, and looks the ports up under their new names. */
function makeRoom(model: OnnxModel, ports: NetworkPorts): { graph: GraphProto; roles: Roles } {
  const used = new GraphBuilder(model);
  const names = new Map<string, string>();
  for (const name of reservedNames) if (!used.isFree(name)) names.set(name, used.claim(outerName(name)));
  const graph = names.size > 0 ? renameValues(model.graph, names) : model.graph;
  const renamed = { ...model, graph };
  const find = (kind: 'input' | 'output', name: string) => {
    portNamed(model, kind, name);
    return portNamed(renamed, kind, names.get(name) ?? name);
  };
  return {
    graph,
    roles: {
      sample: find('input', ports.sample),
      timestep: find('input', ports.timestep),
      output: find('output', ports.output),
      ...(ports.classLabels !== undefined && { classLabels: find('input', ports.classLabels) }),
    },
  };
}

function portNamed(model: OnnxModel, kind: 'input' | 'output', name: string): ValueInfoProto {
  const ports = kind === 'input' ? model.graph.input : model.graph.output;
  const port = ports.find((value) => value.name === name);
  if (port) return port;
  const list = ports.map((value) => `"${value.name}"`).join(', ');
  throw new OnnxError('ports', `${model.label} has no ${kind} "${name}"; its ${kind}s are ${list}.`);
}

function elementType(port: ValueInfoProto): DataType {
  return port.type?.value.case === 'tensorType' ? port.type.value.value.elemType : DataType.UNDEFINED;
}

function floatPort(model: OnnxModel, port: ValueInfoProto): { shape: readonly Dim[] } {
  const { shape, dtype } = portInfo(port);
  if (!isFloat(elementType(port)) || shape === null) {
    throw new OnnxError(
      'ports',
      `${model.label}: the sample "${port.name}" must be a float tensor of known rank, but it is ${dtype}${shape ? '' : ' of unknown rank'}.`,
    );
  }
  return { shape };
}

function fixShape(declared: readonly Dim[], wanted: readonly number[] | undefined): readonly Dim[] {
  if (wanted?.length !== declared.length - 1) return declared;
  return declared.map((dim, i) => (i === 0 || typeof dim === 'number' ? dim : (wanted[i - 1] ?? dim)));
}

/** Connects a float32 value to a port of the network, cast to the port's type; integers are rounded. */
function feed(b: GraphBuilder, value: string, port: ValueInfoProto): void {
  const type = elementType(port);
  if (type === DataType.FLOAT) b.alias(value, port.name);
  else b.alias(b.emit('Cast', [isFloat(type) ? value : b.emit('Round', [value])], { to: type }), port.name);
}

function feedTimestep(b: GraphBuilder, times: string, port: ValueInfoProto, batch: Dim): void {
  const { shape } = portInfo(port);
  const isShared = shape?.length === 0 || (shape?.length === 1 && shape[0] === 1 && batch !== 1);
  if (isShared) {
    const first = b.emit('Slice', [times, b.ints([0]), b.ints([1]), b.ints([0])]);
    feed(b, shape.length === 0 ? b.reshape(first, []) : first, port);
  } else {
    feed(
      b,
      (shape?.length ?? 1) === 1 ? times : b.reshape(times, [-1, ...Array<number>((shape?.length ?? 1) - 1).fill(1)]),
      port,
    );
  }
}

function feedLabels(b: GraphBuilder, labels: string, port: ValueInfoProto): void {
  const type = elementType(port);
  if (!isFloat(type)) {
    b.alias(type === DataType.INT64 ? labels : b.emit('Cast', [labels], { to: type }), port.name);
    return;
  }
  const classes = portInfo(port).shape?.at(-1);
  if (typeof classes !== 'number' || portInfo(port).shape?.length !== 2) {
    throw new OnnxError(
      'ports',
      `${b.source.label}: the labels "${port.name}" are ${dtypeName(type)}, which needs a fixed number of classes [batch, classes].`,
    );
  }
  b.alias(b.emit('OneHot', [labels, b.int(classes), b.floats([2], [0, 1], type)]), port.name);
}

/** A port whose first axis has another size. */
function withBatch(port: ValueInfoProto, batch: Dim): ValueInfoProto {
  const { type, shape } = declaredFacts(port);
  if (!shape || shape.length === 0 || typeof shape[0] === 'number') return port;
  return makePort(port.name, type, [batch, ...shape.slice(1)]);
}

function withoutSymbols(graph: GraphProto): GraphProto {
  const clear = (value: ValueInfoProto): ValueInfoProto => {
    const facts = declaredFacts(value);
    return makePort(value.name, facts.type, facts.shape?.map((dim) => (typeof dim === 'number' ? dim : null)) ?? null);
  };
  return revise(GraphProtoSchema, graph, { valueInfo: graph.valueInfo.map(clear), output: graph.output.map(clear) });
}

/** The first half of the channels when the network predicts a variance too. */
function trimVariance(b: GraphBuilder, output: string, sample: readonly Dim[]): string {
  const [channels, made] = [sample[1] ?? null, b.dimOf(output, 1)];
  if (typeof channels !== 'number' || made !== multiplyDims(2, channels)) return output;
  return b.emit('Slice', [output, b.ints([0]), b.ints([channels]), b.ints([1])]);
}

interface Rescaling {
  /** φ */
  readonly factor: string;
  /** All axes but the batch. */
  readonly axes: readonly number[];
}

/** F_u + g·(F_c − F_u), the conditional branch first in the batch; rescaled by 1 + φ·(std(F_c)/std(F) − 1). */
function guide(b: GraphBuilder, f: string, scale: string, rescaling?: Rescaling): string {
  const [conditional = '', unconditional = ''] = b.splitEqually(f, 2, 0);
  const guided = b.add(unconditional, b.mul(scale, b.sub(conditional, unconditional)));
  if (!rescaling) return guided;
  const { factor, axes } = rescaling;
  const one = b.scalar(1, guided);
  const ratio = b.div(deviation(b, conditional, axes), deviation(b, guided, axes));
  return b.mul(guided, b.add(one, b.mul(factor, b.sub(ratio, one))));
}

/** Far below the variance of any output, and keeps the ratio of two constant outputs a number. */
const leastVariance = 1e-20;

function deviation(b: GraphBuilder, value: string, axes: readonly number[]): string {
  const centred = b.sub(value, b.reduceMean(value, axes));
  const variance = b.reduceMean(b.mul(centred, centred), axes);
  return b.emit('Sqrt', [b.add(variance, b.scalar(leastVariance, value))]);
}
