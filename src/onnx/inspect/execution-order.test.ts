import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { NodeProtoSchema } from '../generated/onnx_pb';
import { executionOrder } from './execution-order';

/** `c: a b` is a node that makes c of a and b. */
const order = (...lines: string[]): string =>
  executionOrder(
    lines.map((line) => {
      const [output = '', input = ''] = line.split(': ');
      return { node: create(NodeProtoSchema, { output: [output], input: input.split(' ') }) };
    }),
  )
    .map(({ node }) => node.output[0])
    .join(' ');

// The order that ONNX Runtime's profile shows for such graphs.
test('of the inputs of a node, the one that stands later in the file runs first', () => {
  expect(order('a: x', 'b: x', 'c: a b')).toBe('b a c');
});

test('a node that is needed late runs late, wherever it stands', () => {
  expect(order('early: x', 'a: x', 'b: a', 'c: b', 'd: c early')).toBe('a b c early d');
});

test('of several ends, the last one runs first', () => {
  expect(order('a: x', 'b: x', 'c: a')).toBe('a c b');
});

test('each node runs once', () => {
  expect(order('a: x', 'b: a a', 'c: a b', 'd: c a')).toBe('a b c d');
});
