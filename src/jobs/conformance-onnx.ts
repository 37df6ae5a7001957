import { buildVjpGraph, serializeModel, type OnnxModel } from '../onnx';
import { relativeError } from '../onnx/conformance/relative-error';
import type { Reference, ReferenceCase } from '../onnx/conformance/reference';
import type { Device } from '../runtime/device-name';
import { openSession, type Session } from '../runtime/session';
import type { TensorValues } from '../runtime/tensor-values';

/** Error of one tensor against its reference, as `relativeError` measures it. */
export interface TensorError {
  readonly name: string;
  readonly error: number;
  readonly passed: boolean;
}

export interface CaseResult {
  readonly name: string;
  readonly outputs: readonly TensorError[];
  readonly gradients: readonly TensorError[];
  /** One run of the gradient graph, the forward pass included. */
  readonly ms: number;
  readonly passed: boolean;
}

type Tensors = Readonly<Record<string, TensorValues>>;

/** Ports of a gradient graph by the output or input they belong to. Their names give way to those of the model. */
interface Ports {
  readonly cotangents: ReadonlyMap<string, string>;
  readonly gradients: ReadonlyMap<string, string>;
}
type Expected = Pick<Reference, 'tolerance'> & { readonly outputs: Tensors; readonly gradients: Tensors };

/** Agreement with the CPU that another device has to show: its own float32 arithmetic differs, a wrong kernel shows. */
export const deviceTolerance = 1e-3;

/**
 * Runs the gradient graph of a model on every case of its reference and compares outputs and gradients: on the CPU with
 * the reference, on another device with the CPU.
 *
 * @throws OnnxError when the graph cannot be differentiated, SessionError when ONNX Runtime refuses it
 */
export async function checkReference(
  model: OnnxModel,
  reference: Reference,
  device: Exclude<Device, 'auto'> = 'cpu',
): Promise<CaseResult[]> {
  const { cases } = reference;
  const [inputs, outputs] = [namesOf(cases, 'gradients'), namesOf(cases, 'cotangents')];
  const vjp = buildVjpGraph(model, { inputs, outputs });
  const ports: Ports = {
    cotangents: lastPorts(outputs, vjp.graph.input),
    gradients: lastPorts(inputs, vjp.graph.output),
  };
  const graph = serializeModel(vjp);
  const open = (on: Exclude<Device, 'auto'>) =>
    openSession(graph, on, `the gradient graph of ${model.label}`, model.weights?.folder);
  const session = await open(device);
  const cpu = device === 'cpu' ? undefined : await open('cpu');
  try {
    const results: CaseResult[] = [];
    for (const given of cases) {
      const feeds = feedsOf(given, ports);
      results.push(
        await checkCase(session, feeds, ports, given, await expectedOf(reference, given, feeds, ports, cpu)),
      );
    }
    return results;
  } finally {
    await session.release();
    await cpu?.release();
  }
}

function namesOf(cases: readonly ReferenceCase[], key: 'gradients' | 'cotangents'): string[] {
  return [...new Set(cases.flatMap((given) => Object.keys(given[key])))];
}

/** The ports that `buildVjpGraph` put behind the model's own, in the order asked for. */
function lastPorts(names: readonly string[], all: readonly { readonly name: string }[]): Map<string, string> {
  const first = all.length - names.length;
  return new Map(names.map((name, i) => [name, all[first + i]?.name ?? '']));
}

/** Inputs and cotangents by port; an output that this case has no cotangent for gets zeros. */
function feedsOf({ inputs, outputs, cotangents }: ReferenceCase, ports: Ports): Tensors {
  const zeros = ({ dtype, shape, data }: TensorValues): TensorValues => ({
    dtype,
    shape,
    data: Array.from(data, () => 0),
  });
  const cotangent = (name: string): TensorValues[] => {
    const output = outputs[name];
    return cotangents[name] ? [cotangents[name]] : output ? [zeros(output)] : [];
  };
  const fed = [...ports.cotangents].flatMap(([name, port]) => cotangent(name).map((values) => [port, values] as const));
  return { ...inputs, ...Object.fromEntries(fed) };
}

async function expectedOf(
  { tolerance }: Reference,
  { outputs, gradients }: ReferenceCase,
  feeds: Tensors,
  ports: Ports,
  cpu: Session | undefined,
): Promise<Expected> {
  if (cpu === undefined) return { tolerance, outputs, gradients };
  const results = await cpu.runValues(feeds);
  const pick = (wanted: Tensors, port: (name: string) => string): Tensors =>
    Object.fromEntries(Object.entries(wanted).map(([name, values]) => [name, results[port(name)] ?? values]));
  return {
    tolerance: { forward: deviceTolerance, gradient: deviceTolerance },
    outputs: pick(outputs, (name) => name),
    gradients: pick(gradients, (name) => ports.gradients.get(name) ?? ''),
  };
}

async function checkCase(
  session: Session,
  feeds: Tensors,
  ports: Ports,
  given: ReferenceCase,
  expected: Expected,
): Promise<CaseResult> {
  const start = performance.now();
  const results = await session.runValues(feeds);
  const ms = performance.now() - start;
  const compare = (wanted: Tensors, port: (name: string) => string, tolerance: number): TensorError[] =>
    Object.entries(wanted).map(([name, values]) => {
      const error = relativeError(results[port(name)], values);
      return { name, error, passed: error <= tolerance };
    });
  const outputs = compare(expected.outputs, (name) => name, expected.tolerance.forward);
  const gradients = compare(expected.gradients, (name) => ports.gradients.get(name) ?? '', expected.tolerance.gradient);
  const passed = [...outputs, ...gradients].every((tensor) => tensor.passed);
  return { name: given.name, outputs, gradients, ms, passed };
}
