import { elementBytes, elementsOf, type StaticGraph } from './static-graph';

export interface Memory {
  /** Largest sum of inputs, outputs and intermediate values that exist at one time. */
  readonly peakBytes: number;
  /** Values that were left out because their size is not known. */
  readonly unknownValues: number;
}

/** Operators whose result is the same memory seen with another shape. */
const views: ReadonlySet<string> = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity', 'Dropout']);

/** Operators that write over an operand which nothing else needs, as ONNX Runtime's planner lets them. */
const inPlace: ReadonlySet<string> = new Set(
  (
    'Add Sub Mul Div Neg Abs Exp Log Sqrt Reciprocal Sigmoid Tanh Relu LeakyRelu Elu Selu Clip Erf Gelu Softplus ' +
    'Sin Cos Floor Ceil Sign Pow Where Not And Or'
  ).split(' '),
);

/**
 * Liveness analysis: runs through the nodes in their order of execution, makes each value when its node runs and frees it behind its
 * last reader. Weights, scratch memory of kernels and the allocator's gaps are not in it.
 */
export function peakMemory(graph: StaticGraph): Memory {
  const buffers = new Map<string, Buffer>();
  const readers = countReaders(graph);
  let unknownValues = 0;
  let live = 0;
  let peak = 0;
  const make = (name: string): void => {
    const size = bytesOf(graph, name);
    if (size === undefined) unknownValues += 1;
    const bytes = size ?? 0;
    buffers.set(name, { bytes, readers: readers.get(name) ?? 0 });
    live += bytes;
  };
  // What the caller feeds stays until the end.
  for (const input of graph.inputs) {
    make(input);
    buffers.get(input)!.readers += 1;
  }
  for (const { node } of graph.nodes) {
    const operands = node.input.flatMap((name) => buffers.get(name) ?? []);
    for (const name of node.output) {
      if (name === '' || graph.isConstant(name)) continue;
      const shared = share(node.opType, operands, bytesOf(graph, name));
      if (shared) buffers.set(name, extend(shared, readers.get(name) ?? 0));
      else make(name);
    }
    peak = Math.max(peak, live);
    for (const buffer of operands) {
      buffer.readers -= 1;
      if (buffer.readers === 0) live -= buffer.bytes;
    }
    for (const name of node.output) {
      const buffer = buffers.get(name);
      if (buffer?.readers === 0 && !operands.includes(buffer)) live -= buffer.bytes;
    }
  }
  return { peakBytes: peak, unknownValues };
}

/** A piece of memory and how many nodes still read it. */
interface Buffer {
  readonly bytes: number;
  readers: number;
}

function extend(buffer: Buffer, readers: number): Buffer {
  buffer.readers += readers;
  return buffer;
}

/** The operand whose memory the result takes, if it does. */
function share(operator: string, operands: readonly Buffer[], bytes: number | undefined): Buffer | undefined {
  if (views.has(operator)) return operands[0];
  if (!inPlace.has(operator)) return undefined;
  return operands.find((buffer) => buffer.readers === 1 && buffer.bytes === bytes);
}

/** How often each value is read; an output is read once more, by the caller. */
function countReaders({ nodes, outputs }: StaticGraph): Map<string, number> {
  const readers = new Map<string, number>();
  for (const name of [...nodes.flatMap(({ node }) => node.input), ...outputs]) {
    readers.set(name, (readers.get(name) ?? 0) + 1);
  }
  return readers;
}

function bytesOf(graph: StaticGraph, value: string): number | undefined {
  const facts = graph.factsOf(value);
  const elements = elementsOf(facts);
  return elements && elements * elementBytes(facts.type);
}
