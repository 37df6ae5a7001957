import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from '../../attributes';
import { DataType } from '../../dtype';
import type { NodeProto } from '../../generated/onnx_pb';
import type { Operation } from '../../rules/rule';
import { revised, type Upgrade } from './revised';

// Operators whose axes, bounds and limits were attributes once and are inputs now.

/** The open end of a slice is the largest int64, which no double holds. */
const exactInts = (node: NodeProto, name: string): readonly bigint[] | undefined =>
  node.attribute.find((attribute) => attribute.name === name)?.ints;

/** A list-valued attribute that became an input; a list that is left out is an input left out. */
const listToInput =
  (name: string): Upgrade =>
  ({ b, node }) => {
    const values = intsAttribute(node, name);
    if (values === undefined) return [node];
    // An empty list means the same as none.
    const inputs = values.length > 0 ? [node.input[0], b.ints(values)] : node.input;
    return [revised(node, { inputs, without: [name] })];
  };

/** Squeeze, Unsqueeze and ReduceSum until 13, the other reductions until 18. */
export const axesToInput = listToInput('axes');

/** Equal parts were told by the number of outputs alone until 18. */
export const split: Upgrade = (op, from) => {
  if (intsAttribute(op.node, 'split') !== undefined) return listToInput('split')(op, from);
  return op.has(1) ? [op.node] : [revised(op.node, { set: { num_outputs: op.node.output.length } })];
};

export const slice: Upgrade = ({ b, node }) => {
  const list = (name: string) => {
    const values = exactInts(node, name);
    return values && b.ints(values);
  };
  const inputs = [node.input[0], list('starts'), list('ends'), list('axes')];
  return [revised(node, { inputs, without: ['starts', 'ends', 'axes'] })];
};

export const topK: Upgrade = ({ b, node }) => [
  revised(node, { inputs: [node.input[0], b.ints([intAttribute(node, 'k', 1)])], without: ['k'] }),
];

/** A constant of the type of the first input; by a cast in the graph where the file does not tell that type. */
function scalarLike(op: Operation, value: number): string {
  const { b } = op;
  if (b.factsOf(op.x()).type !== DataType.UNDEFINED) return b.scalar(value, op.x());
  return b.emit('CastLike', [b.floats([], [value], DataType.FLOAT), op.x()]);
}

export const clip: Upgrade = (op) => {
  const limit = (name: string) => {
    const value = floatAttribute(op.node, name, NaN);
    return Number.isNaN(value) ? undefined : scalarLike(op, value);
  };
  return [revised(op.node, { inputs: [op.x(), limit('min'), limit('max')], without: ['min', 'max'] })];
};

export const pad: Upgrade = (op) => {
  const value = floatAttribute(op.node, 'value', 0);
  const filled = value !== 0 && stringAttribute(op.node, 'mode', 'constant') === 'constant';
  const pads = op.b.ints(intsAttribute(op.node, 'pads') ?? []);
  const inputs = [op.x(), pads, filled ? scalarLike(op, value) : undefined];
  return [revised(op.node, { inputs, without: ['pads', 'value'] })];
};

/** Axis 1 was the default of the attribute; the default of the input is −2. */
export const dft: Upgrade = (op) => [
  revised(op.node, { inputs: [op.x(), op.optional(1), op.b.int(intAttribute(op.node, 'axis', 1))], without: ['axis'] }),
];
