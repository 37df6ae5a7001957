import { intAttribute } from '../attributes';
import { normaliseAxis } from '../dims';
import type { NodeProto } from '../generated/onnx_pb';
import type { Operation } from '../rules/rule';
import { constantElements } from '../shapes';
import type { Expansion, ExpansionTable } from './expansion';

/**
 * One tensor of a list. Unoptimised exports write `torch.split`, `chunk` and `unbind` as a list of parts from which each
 * use picks one by its number: that part is a slice of what was split.
 */
const sequenceAt: Expansion = (operation) => {
  const { b } = operation;
  const split = b.producerOf(operation.x());
  const [given] = operation.constant(1) ?? [];
  if (split?.opType !== 'SplitToSequence' || given === undefined) {
    return operation.onlyIf('it picks a part of a SplitToSequence by a constant number');
  }
  const [value = '', sizes = ''] = split.input;
  const axis = normaliseAxis(intAttribute(split, 'axis', 0), b.rankOf(value));
  const { start, size } = partOf(operation, split, axis, given);
  const part = b.emit('Slice', [value, b.ints([start]), b.ints([start + size]), b.ints([axis])]);
  const dropsAxis = sizes === '' && intAttribute(split, 'keepdims', 1) === 0;
  return [dropsAxis ? b.emit('Squeeze', [part, b.ints([axis])]) : part];
};

/** Sizes are a list, or one number for all parts but the last, which may be smaller; without any each is 1. */
function partOf(operation: Operation, split: NodeProto, axis: number, given: number): { start: number; size: number } {
  const { b } = operation;
  const [value = '', sizes = ''] = split.input;
  const numbers = sizes === '' ? [1] : constantElements(b.factsOf(sizes));
  if (numbers === undefined) return operation.onlyIf('the sizes of the parts are constant');
  const [each = 1] = numbers;
  const isList = sizes !== '' && b.rankOf(sizes) === 1;
  const whole = b.dimOf(value, axis);
  const count = isList ? numbers.length : typeof whole === 'number' ? Math.ceil(whole / each) : undefined;
  if (given < 0 && count === undefined) return operation.onlyIf('the number of parts is fixed');
  const position = given < 0 ? given + (count ?? 0) : given;
  if (!isList) return { start: position * each, size: each };
  return { start: numbers.slice(0, position).reduce((sum, size) => sum + size, 0), size: numbers[position] ?? 0 };
}

export const sequenceExpansions: ExpansionTable = { SequenceAt: sequenceAt };
