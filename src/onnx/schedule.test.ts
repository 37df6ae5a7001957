import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NodeProtoSchema, type NodeProto } from './generated/onnx_pb';
import { executionOrder } from './inspect/execution-order';
import { scheduleNodes } from './schedule';

const node = (output: string, ...input: string[]): NodeProto =>
  create(NodeProtoSchema, { opType: 'Add', name: output, input, output: [output] });

/** The names of the nodes as ONNX Runtime runs a file that holds the scheduled nodes. */
function runs(nodes: readonly NodeProto[], cotangents: string[], outputs: string[], small: string[] = []): string[] {
  const file = scheduleNodes(nodes, cotangents, outputs, (value) => small.includes(value));
  return executionOrder(file.map((each) => ({ node: each }))).map(({ node: { name } }) => name);
}

test('any graph stays in a valid order, with all that its outputs need and nothing else', () => {
  const graph = fc.array(fc.array(fc.nat(), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(graph, fc.nat(), (reads, last) => {
      const nodes = reads.map((from, i) => node(`n${i}`, ...from.map((at) => (i === 0 ? 'x' : `n${at % i}`))));
      const wanted = `n${last % nodes.length}`;
      const needed = new Set([wanted]);
      for (const each of nodes.toReversed()) if (needed.has(each.name)) each.input.forEach((name) => needed.add(name));
      needed.delete('x');

      const order = scheduleNodes(nodes, ['x'], [wanted], () => false);
      expect(new Set(order.map(({ name }) => name))).toEqual(needed);
      const known = new Set(['x']);
      for (const { name, input } of order) {
        expect(input.every((value) => known.has(value))).toBe(true);
        known.add(name);
      }
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('a recomputed activation is made when it is multiplied, not before the cotangent is there', () => {
  const nodes = [
    node('kept', 'x'),
    node('again1', 'kept'),
    node('again2', 'kept'),
    node('g1', 'c', 'again1'),
    node('h1', 'g1'),
    node('g2', 'h1', 'again2'),
  ];
  expect(runs(nodes, ['c'], ['g2'])).toEqual(['kept', 'again1', 'g1', 'h1', 'again2', 'g2']);
});

test('the gradient of a short cut waits as its operand, not as its result', () => {
  const nodes = [
    node('g', 'c'),
    node('shortcut', 'g'),
    node('main1', 'g'),
    node('main2', 'main1'),
    node('sum', 'shortcut', 'main2'),
  ];
  expect(runs(nodes, ['c'], ['sum'])).toEqual(['g', 'main1', 'main2', 'shortcut', 'sum']);
});

test("the sums for a time's gradient run as soon as their image is there", () => {
  const nodes = [
    node('g1', 'c'),
    node('t1', 'g1'),
    node('g2', 'g1'),
    node('t2', 'g2'),
    node('t', 't1', 't2'),
    node('g3', 'g2'),
  ];
  expect(runs(nodes, ['c'], ['t', 'g3'], ['t', 't1', 't2'])).toEqual(['g1', 't1', 'g2', 't2', 't', 'g3']);
});
