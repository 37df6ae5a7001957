import { intAttribute, intsAttribute, stringAttribute } from '../attributes';
import { einsumLabels } from '../einsum';
import type { NodeProto } from '../generated/onnx_pb';
import { isDefaultDomain, operatorName } from '../model';
import { elementsOf, type StaticGraph } from './static-graph';

/**
 * What kind of work a node does. `linear` is a matrix product with weights, `attention` one of two activations and the
 * softmax between; `other` is elementwise work, reductions, pooling and resampling.
 */
export const families = ['convolution', 'linear', 'attention', 'normalisation', 'other'] as const;
export type Family = (typeof families)[number];

export interface Flops {
  /** 2 per multiply-add, and 1 per element of what elementwise operators make, 5 of a softmax, 7 of a normalisation. */
  readonly flops: number;
  /** Multiply-adds of convolutions and matrix products. */
  readonly macs: number;
  readonly byFamily: Readonly<Record<Family, number>>;
  /** Operators whose work could not be counted (an unknown operator or shape), with their nodes. */
  readonly uncounted: Readonly<Record<string, number>>;
}

interface Work {
  readonly macs: number;
  readonly other: number;
  readonly family: Family;
}

/** Floating-point operations of one run of a graph; moving data about counts as none. */
export function countFlops(graph: StaticGraph): Flops {
  let macs = 0;
  let flops = 0;
  const byFamily: Record<Family, number> = { convolution: 0, linear: 0, attention: 0, normalisation: 0, other: 0 };
  const uncounted: Record<string, number> = {};
  for (const { node, primitives } of graph.nodes) {
    const works = (isNormalisation(node) ? [node] : primitives).map((part) => workOf(part, graph));
    if (works.includes(undefined)) uncounted[operatorName(node)] = (uncounted[operatorName(node)] ?? 0) + 1;
    for (const work of works) {
      if (work === undefined) continue;
      const cost = 2 * work.macs + work.other;
      macs += work.macs;
      flops += cost;
      byFamily[work.family] += cost;
    }
  }
  return { flops, macs, byFamily, uncounted };
}

const isNormalisation = (node: NodeProto): boolean => /Norm(alization)?$/.test(node.opType);

/** Operations per element: maximum, difference, exponential, sum and quotient. */
const softmaxCost = 5;
/** Operations per element: two moments, a difference, a scale and an affine map. */
const normalisationCost = 7;

const movesData: ReadonlySet<string> = new Set(
  (
    'Reshape Transpose Concat Slice Split Squeeze Unsqueeze Flatten Expand Tile Pad Gather GatherElements GatherND ' +
    'ScatterElements ScatterND Identity Cast CastLike Shape Size Constant ConstantOfShape Range DepthToSpace SpaceToDepth ' +
    'Trilu Where Dropout NonZero OneHot'
  ).split(' '),
);

const controlFlow: ReadonlySet<string> = new Set(['If', 'Loop', 'Scan', 'LSTM', 'GRU', 'RNN']);

function workOf(node: NodeProto, graph: StaticGraph): Work | undefined {
  if (
    (isDefaultDomain(node.domain) && movesData.has(node.opType)) ||
    node.output.every((name) => graph.isConstant(name))
  ) {
    return { macs: 0, other: 0, family: 'other' };
  }
  if (isNormalisation(node)) return elementwise(node, graph, normalisationCost, 'normalisation');
  if (!isDefaultDomain(node.domain) || controlFlow.has(node.opType)) return undefined;
  const count = Object.hasOwn(products, node.opType) ? products[node.opType] : undefined;
  if (count !== undefined) {
    const macs = count(node, (i) => dims(graph, node.input[i]), dims(graph, node.output[0]));
    return macs === undefined ? undefined : { macs, other: 0, family: productFamily(node, graph) };
  }
  return elementwise(
    node,
    graph,
    /Softmax$/.test(node.opType) ? softmaxCost : 1,
    node.opType === 'Softmax' ? 'attention' : 'other',
  );
}

/** Work in proportion to the elements that an operator makes, or takes in where it reduces. */
function elementwise(node: NodeProto, graph: StaticGraph, cost: number, family: Family): Work | undefined {
  const reduces = /^(Reduce|Global|Arg)/.test(node.opType);
  const value = reduces ? node.input[0] : node.output.find((name) => name !== '');
  const elements = elementsOf(graph.factsOf(value ?? ''));
  if (elements === undefined) return undefined;
  const window = /^(Max|Average|Lp)Pool$/.test(node.opType) ? (intsAttribute(node, 'kernel_shape') ?? []) : [];
  const operands = /^(Sum|Mean|Max|Min)$/.test(node.opType) ? Math.max(1, node.input.length - 1) : 1;
  return { macs: 0, other: elements * cost * operands * product(window), family };
}

function productFamily(node: NodeProto, graph: StaticGraph): Family {
  if (node.opType.startsWith('Conv')) return 'convolution';
  return node.input.filter((name) => name !== '' && !graph.isConstant(name)).length > 1 && node.opType !== 'Gemm'
    ? 'attention'
    : 'linear';
}

type Dims = readonly number[] | undefined;
type CountMacs = (node: NodeProto, input: (index: number) => Dims, output: Dims) => number | undefined;

const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);

/** Multiply-adds by operator. */
const products: Readonly<Record<string, CountMacs>> = {
  // Each output element sums over the filter: channels per group times window.
  Conv: (_node, input, output) => {
    const filter = input(1);
    return output && filter && product(output) * product(filter.slice(1));
  },
  // Each input element is spread over the filter.
  ConvTranspose: (_node, input) => {
    const [x, filter] = [input(0), input(1)];
    return x && filter && product(x) * product(filter.slice(1));
  },
  MatMul: (_node, input, output) => {
    const inner = input(0)?.at(-1);
    return output && inner !== undefined ? product(output) * inner : undefined;
  },
  Gemm: (node, input, output) => {
    const inner = input(0)?.at(intAttribute(node, 'transA', 0) ? 0 : 1);
    return output && inner !== undefined ? product(output) * inner : undefined;
  },
  // Every combination of labels once per product of two operands; with one operand nothing is multiplied.
  Einsum: (node, input) => {
    const operands = node.input.map((_, i) => input(i));
    const labels = einsumLabels(
      stringAttribute(node, 'equation', ''),
      operands.map((operand) => operand?.length),
    );
    const sizes = new Map<string, number>();
    labels?.operands.forEach((operand, i) => {
      [...operand].forEach((label, axis) => {
        sizes.set(label, Math.max(sizes.get(label) ?? 1, operands[i]?.[axis] ?? 1));
      });
    });
    return labels && !operands.includes(undefined) ? (operands.length - 1) * product([...sizes.values()]) : undefined;
  },
  // Scores (query length × key length × head size) and their product with the values, for four-dimensional operands.
  Attention: (_node, input, output) => {
    const [q, k] = [input(0), input(1)];
    const [queries = 0, size = 0, keys = 0] = [q?.at(-2), q?.at(-1), k?.at(-2)];
    if (q?.length !== 4 || k?.length !== 4 || output === undefined) return undefined;
    return product(q.slice(0, 2)) * queries * keys * (size + (output.at(-1) ?? 0));
  },
};

function dims(graph: StaticGraph, value: string | undefined): Dims {
  const { shape } = graph.factsOf(value ?? '');
  return elementsOf(graph.factsOf(value ?? '')) === undefined ? undefined : shape?.map(Number);
}
