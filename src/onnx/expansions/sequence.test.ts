import { expect, test } from 'vitest';
import { expectGradient, graphOf, spread } from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';
import { buildVjpGraph } from '../vjp';

type Sizes = (b: GraphBuilder) => string | undefined;

/** The product of two parts of x [2, 5, 3] along axis 1, each added up along an axis. */
const partsOf =
  (sizes: Sizes, [first, second]: readonly [number, number], attributes: Record<string, number> = {}) =>
  (b: GraphBuilder): string => {
    const parts = b.emit('SplitToSequence', ['x', sizes(b)], { axis: 1, ...attributes });
    const pick = (index: number) => b.emit('SequenceAt', [parts, b.int(index)]);
    const sum = (part: string) => b.emit('ReduceSum', [part, b.ints([1])]);
    return b.mul(sum(pick(first)), sum(pick(second)));
  };

const x = { x: spread([2, 5, 3], 3) };
const list: Sizes = (b) => b.ints([1, 3, 1]);
const each: Sizes = (b) => b.int(2);

test.each([
  ['sizes in a list', partsOf(list, [1, 2]), false],
  ['sizes in a list, open dimensions, counted from the end', partsOf(list, [0, -2]), true],
  ['one size for all but the last', partsOf(each, [0, 2]), false],
  ['one size, open dimensions', partsOf(each, [2, 1]), true],
  ['one size, counted from the end', partsOf(each, [-1, -3]), false],
  ['single entries', partsOf(() => undefined, [1, -1]), false],
  ['single entries without their axis', partsOf(() => undefined, [4, 2], { keepdims: 0 }), false],
] as const)('parts of a split: %s', async (_what, body, dynamic) => {
  await expectGradient(x, body, { dynamic });
});

test('a part whose number the model computes is refused', () => {
  const computed = (b: GraphBuilder): string => {
    const parts = b.emit('SplitToSequence', ['x'], { axis: 1 });
    return b.emit('SequenceAt', [parts, b.emit('Cast', [b.emit('ReduceMax', ['x'], { keepdims: 0 })], { to: 7 })]);
  };
  expect(() => buildVjpGraph(graphOf(x, computed))).toThrow(/picks a part of a SplitToSequence by a constant number/);
});
