import type { GraphBuilder } from './builder';
import { divideDims, isStatic, multiplyDims, type Shape } from './dims';
import { isFloat } from './dtype';
import { NodeProtoSchema, type NodeProto } from './generated/onnx_pb';
import { isDefaultDomain } from './model';
import { revise } from './revise';

/**
 * Operators that cost a few passes over their tensor: less than keeping the result in memory until the backward pass.
 * A normalisation that hands out its statistics is not among them: its gradient reads the normalised value and not what
 * was normalised, so that is what is kept.
 */
const cheap: ReadonlySet<string> = new Set(
  (
    'Abs Add Cast Clip Cos Div Elu Erf Exp Flatten Gelu HardSigmoid HardSwish Identity LeakyRelu Log Max Min Mish Mul ' +
    'Neg Pow Reciprocal Relu Reshape Sigmoid Sin Softmax Softplus Sqrt Squeeze Sub Tanh Transpose Unsqueeze Where ' +
    'BatchNormalization GroupNormalization InstanceNormalization LayerNormalization RMSNormalization'
  ).split(' '),
);

/** Those of them that keep the elements and change the shape, so that shapes cannot be compared. */
const rearranging: ReadonlySet<string> = new Set('Flatten Reshape Squeeze Transpose Unsqueeze'.split(' '));

/**
 * Plans the memory of a gradient graph (recomputing cheap activations: Chen et al. 2016, "Training Deep Nets with
 * Sublinear Memory Cost"). Two kinds of values that the backward nodes read are computed again instead of kept:
 *
 * - a cheap function of one other large value, its root, when the root is kept anyway or several values of it are
 *   wanted: of conv → norm → scale → SiLU only the convolution's output lives until the backward pass;
 * - attention probabilities, which are larger than the queries and keys they come from, and concatenations with a
 *   part that is kept anyway (of a UNet's skip connection).
 *
 * ONNX Runtime's common subexpression elimination would undo the copies and has to be off (see `openSession`).
 *
 * @param forwardCount how many of the builder's nodes, from the start, are the forward pass
 * @returns the nodes of the new graph, a copy right before it is first read
 */
export function rematerialise(b: GraphBuilder, forwardCount: number): NodeProto[] {
  const forward = b.nodes.slice(0, forwardCount);
  const backward = b.nodes.slice(forwardCount);
  const producers = new Map(forward.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const origins = findOrigins(b, forward);

  const read = new Set(backward.flatMap((node) => node.input));
  /** How many values of an origin the backward nodes read, itself included. */
  const wanted = new Map<string, number>();
  for (const name of read) {
    const origin = origins.get(name);
    if (origin) wanted.set(origin.key, (wanted.get(origin.key) ?? 0) + 1);
  }
  /** Whether a value stays in memory until the backward pass whatever becomes of the others. */
  const isKept = (name: string): boolean => (wanted.get(name) ?? 0) > 1 || read.has(name);
  const isCopied = (name: string): boolean => {
    const origin = origins.get(name);
    if (origin === undefined) return false;
    if (origin.key === name) {
      const node = producers.get(name);
      return node?.opType === 'Concat' && node.input.some(isKept);
    }
    return origin.values.length > 1
      ? origin.values.every((value) => read.has(value))
      : (wanted.get(origin.key) ?? 0) > 1;
  };

  const order = [...forward];
  const copies = new Map<string, string>();
  /** The inputs of a copied node that are copied, too. */
  const copiedInputs = (name: string, node: NodeProto): string[] => {
    const { key, values } = origins.get(name) ?? { key: '', values: [] };
    return node.input.filter((value) => {
      const isInside = origins.get(value)?.key === key && !values.includes(value);
      return isInside || ((values.includes(value) || key === name) && isCopied(value));
    });
  };
  /** Copies a value after what it is computed from: with a list of what is open, since chains may be deeper than the stack. */
  const again = (name: string): string => {
    const open = [name];
    for (let value = open.at(-1); value !== undefined; value = open.at(-1)) {
      const node = copies.has(value) ? undefined : producers.get(value);
      const first = node ? copiedInputs(value, node) : [];
      const missing = first.filter((input) => !copies.has(input) && producers.has(input));
      if (missing.length > 0) {
        open.push(...missing.toReversed());
        continue;
      }
      open.pop();
      if (node === undefined) continue;
      const input = node.input.map((one) => (first.includes(one) ? (copies.get(one) ?? one) : one));
      const output = node.output.map((one) => (one === '' ? '' : b.claim(`${one}_again`)));
      node.output.forEach((one, i) => copies.set(one, output[i] ?? ''));
      order.push(revise(NodeProtoSchema, node, { name: b.claim(`${node.name}_again`), input, output }));
    }
    return copies.get(name) ?? name;
  };
  for (const node of backward) {
    const input = node.input.map((name) => (isCopied(name) ? again(name) : name));
    order.push(input.every((name, i) => name === node.input[i]) ? node : revise(NodeProtoSchema, node, { input }));
  }
  return order;
}

/** What a value can be computed from again: its root, or the two factors of a product. */
interface Origin {
  readonly key: string;
  readonly values: readonly string[];
}

const originOf = (...values: readonly string[]): Origin => ({ key: values.join('\n'), values });

/**
 * The origin of every float value. It is the value itself where no cheap way leads to one other large value: the output
 * of a convolution, the sum of a residual branch. Values that are broadcast or constant do not count as large.
 */
function findOrigins(b: GraphBuilder, forward: readonly NodeProto[]): Map<string, Origin> {
  const origins = new Map<string, Origin>();
  for (const node of forward) {
    const result = node.output[0] ?? '';
    const found = new Map<string, Origin>();
    if (
      isDefaultDomain(node.domain) &&
      cheap.has(node.opType) &&
      node.output.length === 1 &&
      !isTiny(b.shapeOf(result))
    ) {
      for (const name of node.input) {
        if (name === '' || !isLarge(b, name, node.opType, b.shapeOf(result))) continue;
        const origin = origins.get(name) ?? originOf(name);
        found.set(origin.key, origin);
      }
    }
    const [only] = found.size === 1 ? found.values() : [];
    for (const name of node.output) {
      if (name === '' || !isFloat(b.factsOf(name).type)) continue;
      origins.set(name, only ?? (growsFromFactors(b, node) ? originOf(...node.input) : originOf(name)));
    }
  }
  return origins;
}

/** Whether a node is a product that takes several times the memory of its factors (scores of an attention). */
function growsFromFactors(b: GraphBuilder, node: NodeProto): boolean {
  if (node.opType !== 'MatMul' || !isDefaultDomain(node.domain)) return false;
  if (node.input.some((name) => b.isInitialiser(name) || b.factsOf(name).elements !== undefined)) return false;
  const size = (name: string) => multiplyDims(...(b.shapeOf(name) ?? [null]));
  const shares = node.input.map((name) => divideDims(multiplyDims(size(node.output[0] ?? ''), 64), size(name)));
  return shares.every((share) => typeof share === 'number' && share >= 4 * 64);
}

/** A sample's share of fewer elements than this is not worth a node more. */
const fewestElements = 4096;

function isTiny(shape: Shape | null): boolean {
  const sample = shape?.slice(1) ?? [null];
  return isStatic(sample) && sample.reduce<number>((product, size) => product * Number(size), 1) < fewestElements;
}

/** Whether an input has about as many elements as the result: not a weight, a size, or a value that is broadcast. */
function isLarge(b: GraphBuilder, name: string, operator: string, result: Shape | null): boolean {
  if (b.isInitialiser(name)) return false;
  const { type, shape, elements } = b.factsOf(name);
  if (!isFloat(type) || elements !== undefined) return false;
  if (rearranging.has(operator) || shape === null || result === null || shape.length > result.length) return true;
  const offset = result.length - shape.length;
  const isBroadcast = (dim: unknown, i: number) => dim === 1 && result[i + offset] !== 1;
  return !shape.some(isBroadcast) && (offset === 0 || !result.slice(0, offset).some((dim) => dim !== 1));
}
