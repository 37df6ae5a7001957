import { floatAttribute, intAttribute, intsAttribute } from '../attributes';
import type { Operation } from '../rules/rule';
import { swish } from './activation';
import type { Expansion, ExpansionTable } from './expansion';
import { normaliseGroups } from './group-normalization';

const indices = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** x / ‖x‖, and zero where the norm is zero: there the gradient is zero too. */
const lpNormalization: Expansion = (operation) => {
  const { b, node } = operation;
  const operator = intAttribute(node, 'p', 2) === 1 ? 'ReduceL1' : 'ReduceL2';
  const norm = b.emit(operator, [operation.x(), b.ints([intAttribute(node, 'axis', -1)])], { keepdims: 1 });
  const isZero = b.emit('Equal', [norm, b.scalar(0, norm)]);
  const divisor = b.emit('Where', [isZero, b.scalar(Infinity, norm), norm]);
  return [b.div(operation.x(), divisor)];
};

/** (x − mean) / (deviation + 10⁻⁹), the operator's own ε. */
const meanVariance: Expansion = (operation) => {
  const { b, node } = operation;
  const axes = intsAttribute(node, 'axes') ?? [0, 2, 3];
  const shifted = b.sub(operation.x(), b.reduceMean(operation.x(), axes));
  const deviation = b.emit('Sqrt', [b.reduceMean(b.mul(shifted, shifted), axes)]);
  return [b.div(shifted, b.add(deviation, b.scalar(1e-9, shifted)))];
};

/** RMS norm (Zhang and Sennrich 2019, arXiv:1910.07467): x·scale / √(mean(x²) + ε), and that deviation's inverse. */
function rootMeanSquare(operation: Operation, x: string, scale: string, axes: readonly number[], epsilon: number) {
  const { b } = operation;
  const square = b.add(b.reduceMean(b.mul(x, x), axes), b.scalar(epsilon, x));
  const inverse = b.emit('Reciprocal', [b.emit('Sqrt', [square])]);
  return { y: b.mul(b.mul(x, inverse), scale), inverse };
}

const simplified: Expansion = (operation) => {
  const { node } = operation;
  const axes = indices(operation.axis(intAttribute(node, 'axis', -1)), operation.rank());
  const { y, inverse } = rootMeanSquare(operation, operation.x(), operation.x(1), axes, epsilonOf(operation, 1e-5));
  return [y, inverse];
};

const epsilonOf = ({ node }: Operation, fallback: number): number => floatAttribute(node, 'epsilon', fallback);

/** input + skip + bias, where the bias may be left out. */
function skipSum(operation: Operation, bias: number): string {
  const { b } = operation;
  if (operation.y(1) !== '' || operation.y(2) !== '')
    operation.onlyIf('its outputs mean and inv_std_var, which only training reads, are left out');
  const sum = b.add(operation.x(0), operation.x(1));
  const shifted = operation.has(bias) ? b.add(sum, operation.x(bias)) : sum;
  b.assumeShapeOf(shifted, operation.x(0));
  return shifted;
}

/** input, skip, gamma, beta, bias. */
const skipLayer: Expansion = (operation) => {
  const sum = skipSum(operation, 4);
  const y = operation.b.emit('LayerNormalization', [sum, operation.x(2), operation.optional(3)], {
    axis: -1,
    epsilon: { float: epsilonOf(operation, 1e-12) },
  });
  return [y, undefined, undefined, sum];
};

/** input, skip, gamma, bias. */
const skipSimplified: Expansion = (operation) => {
  const sum = skipSum(operation, 3);
  const { y } = rootMeanSquare(operation, sum, operation.x(2), [operation.rank() - 1], epsilonOf(operation, 1e-12));
  return [y, undefined, undefined, sum];
};

/** The group norm of x with a scale and a bias for each channel, and an activation where the node asks for it. */
function groupNorm(operation: Operation, x: string): string {
  const { b, node } = operation;
  const rank = operation.rank();
  const last = channelsLast(operation);
  const toFirst = [0, rank - 1, ...indices(1, rank - 1)];
  const toLast = [0, ...indices(2, rank), 1];
  const y = normaliseGroups(b, last ? b.transpose(x, toFirst) : x, operation.x(1), operation.x(2), {
    groups: intAttribute(node, 'groups', 1),
    epsilon: epsilonOf(operation, 1e-5),
  });
  const activated = intAttribute(node, 'activation', 0) === 1 ? swish(b, y) : y;
  return last ? b.transpose(activated, toLast) : activated;
}

const channelsLast = ({ node }: Operation): boolean => intAttribute(node, 'channels_last', 1) === 1;

/** x, gamma, beta, skip ([N, H, W, C], [N, 1, 1, C] or [N, C]), bias [C]; the second output is the sum. */
const skipGroupNorm: Expansion = (operation) => {
  const { b } = operation;
  const image = indices(0, operation.rank() - 2);
  const spread = (value: string, first: number) =>
    b.emit('Unsqueeze', [value, b.ints(image.map((axis) => axis + first))]);
  const last = channelsLast(operation);
  const skip = operation.rank(3) === 2 ? spread(operation.x(3), last ? 1 : 2) : operation.x(3);
  const sum = b.add(operation.x(), skip);
  const bias = operation.optional(4);
  const shifted = bias === undefined ? sum : b.add(sum, last ? bias : spread(bias, 1));
  b.assumeShapeOf(shifted, operation.x());
  return [groupNorm(operation, shifted), shifted];
};

export const normalisationExpansions: ExpansionTable = {
  LpNormalization: lpNormalization,
  MeanVarianceNormalization: meanVariance,
  SimplifiedLayerNormalization: simplified,
  'com.microsoft.SkipLayerNormalization': skipLayer,
  'com.microsoft.SkipSimplifiedLayerNormalization': skipSimplified,
  'com.microsoft.GroupNorm': (operation) => [groupNorm(operation, operation.x())],
  'com.microsoft.SkipGroupNorm': skipGroupNorm,
};
