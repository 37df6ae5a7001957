import { floatAttribute } from '../attributes';
import type { GraphBuilder } from '../builder';
import type { Operation } from '../rules/rule';
import type { Expansion, ExpansionTable } from './expansion';

// Activations that ONNX Runtime fuses with what comes before them.

/** x·σ(αx) */
export function swish(b: GraphBuilder, x: string, alpha = 1): string {
  return b.mul(x, b.emit('Sigmoid', [b.scale(x, alpha)]));
}

/** The activation at the end of a fused convolution or product, by name and with its parameters in order. */
export function activate(operation: Operation, x: string, name: string, parameters: readonly number[]): string {
  const { b } = operation;
  const [first, second] = parameters.map((value) => ({ float: value }));
  switch (name) {
    case '':
      return x;
    case 'Relu':
    case 'Tanh':
    case 'Sigmoid':
    case 'Softplus':
    case 'Softsign':
      return b.emit(name, [x]);
    case 'LeakyRelu':
    case 'Elu':
      return b.emit(name, [x], { alpha: first });
    case 'HardSigmoid':
      return b.emit(name, [x], { alpha: first, beta: second });
    case 'Clip':
      return b.emit(name, [x, ...parameters.map((bound) => b.scalar(bound, x))]);
    case 'Silu':
      return swish(b, x);
    default:
      return operation.onlyIf(`its activation is a known one, which ${name} is not`);
  }
}

/** Gelu of the input and a bias, which may be left out. */
const gelu =
  (approximate: 'none' | 'tanh'): Expansion =>
  (operation) => {
    const { b } = operation;
    const x = operation.has(1) ? b.add(operation.x(0), operation.x(1)) : operation.x(0);
    return [b.emit('Gelu', [x], { approximate })];
  };

/** One half of the features times the Gelu of the other (the gate of a diffusion transformer's feed-forward net). */
const biasSplitGelu: Expansion = (operation) => {
  const { b } = operation;
  const [left = '', right = ''] = b.splitEqually(b.add(operation.x(0), operation.x(1)), 2, -1);
  return [b.mul(left, b.emit('Gelu', [right]))];
};

export const activationExpansions: ExpansionTable = {
  'com.microsoft.Gelu': gelu('none'),
  'com.microsoft.BiasGelu': gelu('none'),
  'com.microsoft.FastGelu': gelu('tanh'),
  'com.microsoft.QuickGelu': (operation) => [
    swish(operation.b, operation.x(), floatAttribute(operation.node, 'alpha', 1.702)),
  ],
  'com.microsoft.BiasSplitGelu': biasSplitGelu,
  'com.microsoft.BiasAdd': (operation) => [
    operation.b.add(operation.b.add(operation.x(0), operation.x(1)), operation.x(2)),
  ],
};
