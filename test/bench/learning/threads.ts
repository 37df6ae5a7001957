import { constants, setPriority } from 'node:os';
import * as ort from 'onnxruntime-node';

/** Every session that this process opens from now on computes with so many threads, and gives way to other programs. */
export function limitThreads(threads: number): void {
  const factory: { create: (graph: Uint8Array, options?: ort.InferenceSession.SessionOptions) => Promise<unknown> } =
    ort.InferenceSession;
  const create = factory.create.bind(factory);
  factory.create = (graph, options) => create(graph, { ...options, intraOpNumThreads: threads, interOpNumThreads: 1 });
  setPriority(constants.priority.PRIORITY_LOW);
}
