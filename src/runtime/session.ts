import * as ort from 'onnxruntime-node';
import type { Device } from './device-name';
import { fromTensor, toTensor, type TensorValues } from './tensor-values';

// ONNX Runtime is chatty on stderr; what matters comes back as an exception.
ort.env.logLevel = 'fatal';

export type Feeds = Readonly<Record<string, ort.Tensor>>;

/** ONNX Runtime refused a graph (`load`), or failed while running it (`run`: out of memory, a device that went away). */
export class SessionError extends Error {
  constructor(
    readonly stage: 'load' | 'run',
    readonly device: Exclude<Device, 'auto'>,
    message: string,
    cause: unknown,
  ) {
    super(message, { cause });
    this.name = 'SessionError';
  }
}

/** A loaded graph on one execution provider. */
export interface Session {
  /** Element type of each input. */
  readonly inputTypes: ReadonlyMap<string, ort.Tensor.Type>;
  /** Runs the graph; outputs are copied out as float32. Inputs and outputs by port name. */
  run(feeds: Feeds): Promise<Record<string, Float32Array>>;
  /** As `run` for ports of any element type: values are converted to what an input wants, outputs keep their type. */
  runValues(feeds: Readonly<Record<string, TensorValues>>): Promise<Record<string, TensorValues>>;
  release(): Promise<void>;
}

/** How every graph is loaded; benches measure with the same settings. */
export function sessionOptions(
  device: Exclude<Device, 'auto'>,
  weightFolder?: string,
): ort.InferenceSession.SessionOptions {
  return {
    executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
    // One block for all of a run comes on top of what the first run has taken: twice the memory, and no faster.
    enableMemPattern: false,
    extra: {
      // The first would merge what a gradient graph computes again with what it would otherwise have to keep in memory;
      // the second writes a QuantizeLinear that ONNX Runtime itself refuses wherever int8 has a zero point (operator set
      // 21 and later: microsoft/onnxruntime issue 25526).
      optimization: { disable_specified_optimizers: 'CommonSubexpressionElimination;QDQPropagationTransformer' },
      // Without it ONNX Runtime would look for the weights of a graph given as bytes in the working directory.
      ...(weightFolder !== undefined && { session: { model_external_initializers_file_folder_path: weightFolder } }),
    },
  };
}

/**
 * @param graph serialised ONNX
 * @param weightFolder the folder that the graph's external data lies in (`model.weights?.folder` of the opened model)
 * @throws SessionError with what ONNX Runtime says, as does `run`
 */
export async function openSession(
  graph: Uint8Array,
  device: Exclude<Device, 'auto'>,
  label: string,
  weightFolder?: string,
): Promise<Session> {
  let session: ort.InferenceSession;
  try {
    session = await ort.InferenceSession.create(graph, sessionOptions(device, weightFolder));
  } catch (error) {
    throw new SessionError('load', device, `ONNX Runtime cannot load ${label} on ${device}: ${sentence(error)}`, error);
  }
  const inputTypes = new Map(
    session.inputMetadata.map((port) => [port.name, port.isTensor ? port.type : 'float32'] as const),
  );
  const runTensors = async (feeds: Feeds): Promise<ort.InferenceSession.OnnxValueMapType> => {
    try {
      return await session.run(feeds);
    } catch (error) {
      const message = `ONNX Runtime failed while running ${label} on ${device}: ${sentence(error)}`;
      throw new SessionError('run', device, message, error);
    }
  };
  return {
    inputTypes,
    async run(feeds) {
      const results = await runTensors(feeds);
      const out: Record<string, Float32Array> = {};
      for (const [name, value] of Object.entries(results)) {
        const tensor = value;
        if (!(tensor.data instanceof Float32Array)) {
          throw new Error(`${label}: output ${name} is ${tensor.type}, expected float32.`);
        }
        out[name] = tensor.data;
        tensor.dispose();
      }
      return out;
    },
    async runValues(feeds) {
      const fed = Object.entries(feeds).map(
        ([name, values]) => [name, toTensor(values, inputTypes.get(name) ?? 'float32')] as const,
      );
      const results = await runTensors(Object.fromEntries(fed));
      return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromTensor(tensor)]));
    },
    release: () => session.release(),
  };
}

export function floatTensor(data: Float32Array, dims: readonly number[]): ort.Tensor {
  return new ort.Tensor('float32', data, dims);
}

export function int64Tensor(values: readonly number[], dims: readonly number[]): ort.Tensor {
  return new ort.Tensor(
    'int64',
    BigInt64Array.from(values, (v) => BigInt(v)),
    dims,
  );
}

export function runtimeVersion(): string {
  return ort.env.versions.node ?? ort.env.versions.common;
}

/** The first line of what ONNX Runtime said, with one full stop. */
export function sentence(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split('\n')[0] ?? text).trimEnd().replace(/[.!]*$/, '.');
}
