import type { NodeLocation } from '../errors';
import type { GraphProto, NodeProto } from '../generated/onnx_pb';
import { locate } from '../model';
import { valuesRead } from '../scopes';

/** Those of the `allowed` nodes that depend on a value through each other. */
export function reachedFrom(
  nodes: readonly NodeProto[],
  value: string,
  allowed: ReadonlySet<NodeProto>,
): ReadonlySet<NodeProto> {
  const values = new Set([value]);
  const reached = new Set<NodeProto>();
  for (const node of nodes) {
    if (!allowed.has(node) || !valuesRead(node).some((name) => values.has(name))) continue;
    reached.add(node);
    for (const name of node.output) values.add(name);
  }
  return reached;
}

/** A way through a graph. */
export interface GraphPath {
  /** The input that the first node reads. */
  readonly from: string;
  readonly nodes: readonly NodeLocation[];
  /** The output that the last node makes. */
  readonly to: string;
}

/**
 * A shortest way from one of the inputs through a node to an output, along values that carry a derivative: in the
 * file's own graph where the node is in it, else in the prepared one (functions written out, for example).
 *
 * @param active the values that a derivative reaches
 */
export function pathThrough(
  own: GraphProto,
  prepared: GraphProto,
  node: NodeProto,
  inputs: readonly string[],
  active: ReadonlySet<string>,
): GraphPath | null {
  return pathIn(own, node, inputs, active) ?? pathIn(prepared, node, inputs, active) ?? null;
}

function pathIn(
  graph: GraphProto,
  node: NodeProto,
  inputs: readonly string[],
  active: ReadonlySet<string>,
): GraphPath | undefined {
  const made = new Set(node.output.filter((name) => name !== ''));
  const middle = graph.node.find((candidate) => candidate.output.some((name) => made.has(name)));
  if (middle === undefined) return undefined;
  const outputs = new Set(graph.output.map(({ name }) => name));
  const [readers, makers] = [neighbours(graph, valuesRead, active), neighbours(graph, ({ output }) => output, active)];
  const before = search(
    middle,
    (each) => valuesRead(each).flatMap((name) => makers.get(name) ?? []),
    (each) => valuesRead(each).some((name) => inputs.includes(name)),
  );
  const after = search(
    middle,
    ({ output }) => output.flatMap((name) => readers.get(name) ?? []),
    ({ output }) => output.some((name) => outputs.has(name)),
  );
  const nodes = before && after && [...before.reverse(), ...after.slice(1)];
  const [first] = nodes ?? [];
  const from = first && valuesRead(first).find((name) => inputs.includes(name));
  const to = nodes?.at(-1)?.output.find((name) => outputs.has(name));
  return nodes && from !== undefined && to !== undefined ? { from, nodes: nodes.map(locate), to } : undefined;
}

/** The nodes that read or make each of some values. */
function neighbours(
  graph: GraphProto,
  namesOf: (node: NodeProto) => readonly string[],
  values: ReadonlySet<string>,
): Map<string, NodeProto[]> {
  const found = new Map<string, NodeProto[]>();
  for (const node of graph.node) {
    for (const name of namesOf(node)) {
      if (!values.has(name)) continue;
      const list = found.get(name);
      if (list) list.push(node);
      else found.set(name, [node]);
    }
  }
  return found;
}

/** Breadth first from a node to the nearest one that is wanted, if there is one. */
function search(
  start: NodeProto,
  next: (node: NodeProto) => readonly NodeProto[],
  wanted: (node: NodeProto) => boolean,
): NodeProto[] | undefined {
  const from = new Map<NodeProto, NodeProto | undefined>([[start, undefined]]);
  for (const node of from.keys()) {
    if (wanted(node)) return trail(from, node);
    for (const neighbour of next(node)) if (!from.has(neighbour)) from.set(neighbour, node);
  }
  return undefined;
}

/** From the start of a search to `end`. */
function trail(from: ReadonlyMap<NodeProto, NodeProto | undefined>, end: NodeProto): NodeProto[] {
  const nodes: NodeProto[] = [];
  for (let node: NodeProto | undefined = end; node !== undefined; node = from.get(node)) nodes.push(node);
  return nodes.reverse();
}
