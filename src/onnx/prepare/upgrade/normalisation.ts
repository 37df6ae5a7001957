import { intAttribute } from '../../attributes';
import { normaliseAxis } from '../../dims';
import { making, revised, type Upgrade } from './revised';

// Softmax and the normalisations, whose axes or parameters meant something else.

/**
 * Softmax, LogSoftmax and Hardmax until 13 saw their input as a matrix, with everything from the axis on as its
 * columns. That is the operator of today where all those axes but one have size 1; elsewhere it is flattened so.
 */
export const softmax: Upgrade = (op) => {
  const { b, node } = op;
  const axis = intAttribute(node, 'axis', 1);
  const shape = b.shapeOf(op.x());
  if (shape !== null) {
    const first = normaliseAxis(axis, shape.length);
    const wide = shape.flatMap((dim, i) => (i >= first && dim !== 1 ? [i] : []));
    if (wide.length <= 1) return [revised(node, { set: { axis: wide[0] ?? shape.length - 1 } })];
  }
  const flat = b.emit('Flatten', [op.x()], { axis });
  const rows = b.fresh(node.opType);
  return [
    revised(node, { inputs: [flat], outputs: [rows], set: { axis: 1 } }),
    making(op.y(), 'Reshape', [rows, b.shape(op.x())], b.fresh('Reshape')),
  ];
};

/** Until 14 more than one output meant training, with the statistics of the batch. */
export const batchNormalization: Upgrade = (op) => {
  if (op.node.output.slice(1).some((name) => name !== '')) op.onlyIf('the model is exported in evaluation mode');
  return [op.node];
};

/** Scale and bias were per group until 21 and are per channel now: each value is repeated for its group's channels. */
export const groupNormalization: Upgrade = (op) => {
  const { b, node } = op;
  const groups = intAttribute(node, 'num_groups', 1);
  const channels = b.dimOf(op.x(), 1);
  const divides = groups > 0 && (typeof channels !== 'number' || channels % groups === 0);
  if (!divides) op.onlyIf(`num_groups (${groups}) divides its ${channels} channels`);
  const each =
    typeof channels === 'number'
      ? b.ints([groups, channels / groups])
      : b.emit('Concat', [b.ints([groups]), b.div(b.emit('Shape', [op.x()], { start: 1, end: 2 }), b.ints([groups]))], {
          axis: 0,
        });
  const perChannel = (name: string) =>
    b.reshape(b.emit('Expand', [b.emit('Unsqueeze', [name, b.ints([1])]), each]), [-1]);
  return [revised(node, { inputs: [op.x(), perChannel(op.x(1)), perChannel(op.x(2))] })];
};

/** The ratio matters in training only, which the older forms did not know. The mask was a float until 10. */
export const dropout: Upgrade = (op, from) => {
  const mask = op.y(1);
  const node = revised(op.node, { without: ['ratio'] });
  if (mask === '' || from >= 10) return [node];
  const kept = op.b.fresh('Dropout');
  return [revised(node, { outputs: [op.y(), kept] }), making(mask, 'CastLike', [kept, op.x()], op.b.fresh('CastLike'))];
};
