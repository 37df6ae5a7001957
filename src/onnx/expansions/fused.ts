import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from '../attributes';
import type { Operation } from '../rules/rule';
import { activate } from './activation';
import type { Expansion, ExpansionTable } from './expansion';

// Products and convolutions with their neighbours fused into them.

const indices = (count: number): number[] => [...Array(count).keys()];

/**
 * A factor of FusedMatMul as MatMul wants it: the last two axes exchanged (`trans`), or the first axis moved behind
 * the batch axes (`transBatch`), where it is a row until `trans` makes a column of it.
 */
function factor(operation: Operation, index: number, name: 'A' | 'B'): string {
  const { b, node } = operation;
  const [last, batch] = [intAttribute(node, `trans${name}`, 0), intAttribute(node, `transBatch${name}`, 0)];
  const rank = operation.rank(index);
  if (rank < 2 || last + batch === 0) return operation.x(index);
  const axes = indices(rank);
  const moved = batch ? [...axes.slice(1, -1), 0, rank - 1] : axes;
  const [row = 0, column = 0] = moved.slice(-2);
  return b.transpose(operation.x(index), last ? [...moved.slice(0, -2), column, row] : moved);
}

const fusedMatMul: Expansion = (operation) => {
  const { b, node } = operation;
  const left = b.scale(factor(operation, 0, 'A'), floatAttribute(node, 'alpha', 1));
  return [b.emit('MatMul', [left, factor(operation, 1, 'B')])];
};

const fusedGemm: Expansion = (operation) => {
  const { b, node } = operation;
  const product = b.emit('Gemm', [operation.x(0), operation.x(1), operation.optional(2)], {
    alpha: { float: floatAttribute(node, 'alpha', 1) },
    beta: { float: floatAttribute(node, 'beta', 1) },
    transA: intAttribute(node, 'transA', 0),
    transB: intAttribute(node, 'transB', 0),
  });
  const given = ['activation_alpha', 'activation_beta'].map((name) => floatAttribute(node, name, NaN));
  const parameters = given.filter((value) => !Number.isNaN(value));
  return [activate(operation, product, stringAttribute(node, 'activation', ''), parameters)];
};

interface ConvLayout {
  /** x and y are [batch, …image, channels] */
  readonly channelsLast: boolean;
  /** weights are [outputs, …kernel, inputs of a group], as NhwcConv has them and NhwcFusedConv has not */
  readonly weightLast: boolean;
}

/** x, weight, bias, and a residual to add before the activation. */
const fusedConv =
  ({ channelsLast, weightLast }: ConvLayout): Expansion =>
  (operation) => {
    const { b, node } = operation;
    const rank = operation.rank();
    const image = indices(rank - 2);
    const toFirst = (value: string) => b.transpose(value, [0, rank - 1, ...image.map((axis) => axis + 1)]);
    const toLast = (value: string) => b.transpose(value, [0, ...image.map((axis) => axis + 2), 1]);
    const x = channelsLast ? toFirst(operation.x()) : operation.x();
    const weight = weightLast ? toFirst(operation.x(1)) : operation.x(1);
    const convolved = b.emit('Conv', [x, weight, operation.optional(2)], {
      auto_pad: stringAttribute(node, 'auto_pad', 'NOTSET'),
      dilations: intsAttribute(node, 'dilations'),
      group: intAttribute(node, 'group', 1),
      kernel_shape: intsAttribute(node, 'kernel_shape'),
      pads: intsAttribute(node, 'pads'),
      strides: intsAttribute(node, 'strides'),
    });
    const y = channelsLast ? toLast(convolved) : convolved;
    const sum = operation.has(3) ? b.add(y, operation.x(3)) : y;
    const parameters = node.attribute.find(({ name }) => name === 'activation_params')?.floats ?? [];
    return [activate(operation, sum, stringAttribute(node, 'activation', ''), parameters)];
  };

export const fusedExpansions: ExpansionTable = {
  'com.microsoft.FusedMatMul': fusedMatMul,
  'com.microsoft.TransposeMatMul': fusedMatMul,
  'com.microsoft.FusedGemm': fusedGemm,
  'com.microsoft.FusedConv': fusedConv({ channelsLast: false, weightLast: false }),
  'com.microsoft.NhwcConv': fusedConv({ channelsLast: true, weightLast: true }),
  'com.microsoft.NhwcFusedConv': fusedConv({ channelsLast: true, weightLast: false }),
};
