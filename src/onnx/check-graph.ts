import { allTensors, type StoredTensor } from './all-tensors';
import { subgraphs } from './attributes';
import { OnnxError } from './errors';
import type { GraphProto, ValueInfoProto } from './generated/onnx_pb';
import { describeNode, locate, type OnnxModel } from './model';
import { byteLength, isExternal } from './tensors';

/** More dimensions than this have no meaning for ONNX Runtime or for us, and cost time in every rule. */
export const mostDimensions = 64;

/**
 * What everything that works on a graph takes for granted: each value is made once and before it is known under that
 * name, whatever is read exists, and sizes are sizes. Order of nodes is the business of who walks them.
 *
 * @throws OnnxError `invalid-graph`
 */
export function checkGraph({ proto, graph, label }: OnnxModel): void {
  const fail = (what: string): never => {
    throw new OnnxError('invalid-graph', `${label}: ${what}; export the model again.`);
  };
  checkScope(graph, () => false, label, fail);
  for (const stored of allTensors(proto)) checkTensor(stored, fail);
  const made = namesIn(graph);
  for (const { name } of graph.output) {
    if (!made.has(name)) fail(`no node makes the output "${name}"`);
  }
}

type Fail = (what: string) => never;

/** @param outer knows the values of the graphs around this one, which the branches of control flow may read */
function checkScope(graph: GraphProto, outer: (name: string) => boolean, label: string, fail: Fail): void {
  const own = namesIn(graph);
  const known = (name: string): boolean => own.has(name) || outer(name);
  checkMadeOnce(graph, fail);
  for (const port of [...graph.input, ...graph.output, ...graph.valueInfo]) checkRank(port, fail);
  for (const node of graph.node) {
    const unknown = node.input.find((name) => name !== '' && !known(name));
    if (unknown !== undefined) {
      const message = `${label}: ${describeNode(node)} reads "${unknown}", which nothing makes; export the model again.`;
      throw new OnnxError('invalid-graph', message, locate(node));
    }
    for (const inner of subgraphs(node)) checkScope(inner, known, label, fail);
  }
}

/** Names that have a value in a graph. */
function namesIn(graph: GraphProto): Set<string> {
  const names = new Set<string>();
  for (const { name } of [...graph.input, ...graph.initializer]) names.add(name);
  for (const { values } of graph.sparseInitializer) if (values) names.add(values.name);
  for (const node of graph.node) for (const name of node.output) names.add(name);
  names.delete('');
  return names;
}

function checkMadeOnce(graph: GraphProto, fail: Fail): void {
  // Old files list initialisers among the inputs: those two kinds may share a name, nothing else may.
  const seen = (kind: string) => {
    const names = new Set<string>();
    return (name: string) => {
      if (names.has(name)) fail(`two ${kind} are called "${name}"`);
      names.add(name);
    };
  };
  const [input, initialiser, value] = [seen('inputs'), seen('initialisers'), seen('values')];
  for (const { name } of graph.input) {
    if (name === '') fail('an input has no name');
    input(name);
  }
  for (const { name } of graph.initializer) initialiser(name);
  for (const name of new Set([...graph.input, ...graph.initializer].map((port) => port.name))) value(name);
  for (const node of graph.node) for (const name of node.output) if (name !== '') value(name);
}

function checkRank(port: ValueInfoProto, fail: Fail): void {
  const type = port.type?.value;
  const rank = type?.case === 'tensorType' ? (type.value.shape?.dim.length ?? 0) : 0;
  if (rank > mostDimensions)
    fail(`"${port.name}" has ${rank} dimensions, and more than ${mostDimensions} make no sense`);
}

function checkTensor({ tensor, name }: StoredTensor, fail: Fail): void {
  const { dims, rawData } = tensor;
  if (dims.length > mostDimensions)
    fail(`"${name}" has ${dims.length} dimensions, and more than ${mostDimensions} make no sense`);
  const count = dims.reduce((product, dim) => product * dim, 1n);
  if (dims.some((dim) => dim < 0n) || count > BigInt(Number.MAX_SAFE_INTEGER)) {
    fail(`"${name}" has the impossible dimensions [${dims.join(', ')}]`);
  }
  const bytes = byteLength(tensor);
  if (rawData.length > 0 && !isExternal(tensor) && bytes !== undefined && bytes !== rawData.length) {
    fail(`"${name}" holds ${rawData.length} bytes, but its dimensions [${dims.join(', ')}] and type need ${bytes}`);
  }
}
