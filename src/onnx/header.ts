import { relative } from 'node:path';
import { allTensors } from './all-tensors';
import { subgraphs } from './attributes';
import { dtypeName } from './dtype';
import type { GraphProto, ModelProto, NodeProto, ValueInfoProto } from './generated/onnx_pb';
import { operatorName, type OnnxModel } from './model';
import { parseModel } from './read';
import { elementCount, externalEntry, isExternal } from './tensors';

/** A number, a symbolic name such as `batch`, or null when the file says nothing. */
export type DimInfo = number | string | null;

export interface PortInfo {
  readonly name: string;
  /** `float32`, `float16`, `int64`, … */
  readonly dtype: string;
  /** null when the rank is unknown */
  readonly shape: readonly DimInfo[] | null;
}

/** What the editor and the planner need to know of a model, without running it. */
export interface ModelHeader {
  readonly irVersion: number;
  /** Version of the default operator domain. */
  readonly opset: number;
  readonly producer: string;
  /** Inputs that a caller must feed: without initialisers. */
  readonly inputs: readonly PortInfo[];
  readonly outputs: readonly PortInfo[];
  /** Elements of all initialisers. */
  readonly parameterCount: number;
  readonly nodeCount: number;
  /** How many nodes there are of each operator, subgraphs included. */
  readonly operators: Readonly<Record<string, number>>;
  /** Files beside the model that hold weights, relative to it, sorted. */
  readonly externalData: readonly string[];
}

/**
 * Reads a model's ports and sizes from its bytes, without ONNX Runtime and without a look at weights in other files.
 *
 * @param label path of the file, for messages
 * @throws OnnxError (`not-onnx`) for truncated or foreign files
 */
export function readModelHeader(bytes: Uint8Array, label: string): ModelHeader {
  return headerOf(parseModel(bytes, label));
}

/** The same of a model that is open already. */
export function headerOf({ proto, graph, opset, weights }: OnnxModel): ModelHeader {
  const initialisers = initialiserNames(graph);
  const operators = new Map<string, number>();
  let nodeCount = 0;
  for (const node of allNodes(graph)) {
    nodeCount += 1;
    operators.set(operatorName(node), (operators.get(operatorName(node)) ?? 0) + 1);
  }
  return {
    irVersion: Number(proto.irVersion),
    opset,
    producer: [proto.producerName, proto.producerVersion].filter((part) => part !== '').join(' '),
    inputs: graph.input.filter((input) => !initialisers.has(input.name)).map(portInfo),
    outputs: graph.output.map(portInfo),
    parameterCount: graph.initializer.reduce((sum, tensor) => sum + elementCount(tensor), 0),
    nodeCount,
    operators: Object.fromEntries([...operators].sort(([a], [b]) => (a < b ? -1 : 1))),
    externalData: weights ? weights.files.map((file) => relative(weights.folder, file)) : externalFiles(proto),
  };
}

/** Locations as the model spells them, which nobody has checked. */
function externalFiles(proto: ModelProto): string[] {
  const files = new Set<string>();
  for (const { tensor } of allTensors(proto)) {
    if (isExternal(tensor)) files.add(externalEntry(tensor, 'location') ?? '');
  }
  return [...files].sort();
}

/** Names that have a stored value; before IR version 4 they are listed among the graph's inputs too. */
export function initialiserNames(graph: GraphProto): Set<string> {
  return new Set([
    ...graph.initializer.map((tensor) => tensor.name),
    ...graph.sparseInitializer.map((sparse) => sparse.values?.name ?? ''),
  ]);
}

export function portInfo(value: ValueInfoProto): PortInfo {
  const type = value.type?.value;
  if (type?.case !== 'tensorType') return { name: value.name, dtype: type?.case ?? 'unknown', shape: null };
  const dims = type.value.shape?.dim.map(({ value: dim }): DimInfo => {
    // Some exporters write -1 for a size they do not know.
    if (dim.case === 'dimValue') return dim.value < 0n ? null : Number(dim.value);
    return dim.case === 'dimParam' && dim.value !== '' ? dim.value : null;
  });
  return { name: value.name, dtype: dtypeName(type.value.elemType), shape: dims ?? null };
}

function* allNodes(graph: GraphProto): Generator<NodeProto> {
  for (const node of graph.node) {
    yield node;
    for (const inner of subgraphs(node)) yield* allNodes(inner);
  }
}
