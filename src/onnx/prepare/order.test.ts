import { create } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { emptyGraph, graphOf, runModel, spread } from '../../../test/support/onnx-run';
import { DataType } from '../dtype';
import { NodeProtoSchema } from '../generated/onnx_pb';
import { makePort } from '../value-facts';
import { buildVjpGraph } from '../vjp';
import { orderNodes } from './order';

const x = spread([2, 3], 1);

function unordered(...nodes: { opType: string; name: string; input: string[]; output: string[] }[]) {
  const b = emptyGraph();
  b.addInput('x', DataType.FLOAT, [2, 3]);
  for (const node of nodes) b.addNode(create(NodeProtoSchema, node));
  b.addOutputPort(makePort('y', DataType.FLOAT, [2, 3]));
  return b.build('m.onnx');
}

const neg = { opType: 'Neg', name: 'neg', input: ['s'], output: ['y'] };
const sin = { opType: 'Sin', name: 'sin', input: ['c'], output: ['s'] };
const cos = { opType: 'Cos', name: 'cos', input: ['x'], output: ['c'] };

describe('nodes', () => {
  test('come behind those they read from', () => {
    const { graph } = orderNodes(unordered(neg, cos, sin));
    expect(graph.node.map(({ name }) => name)).toEqual(['cos', 'sin', 'neg']);
  });

  test('that read each other in a circle are refused by name', () => {
    const model = unordered(neg, { ...sin, input: ['y'] });
    expect(() => orderNodes(model)).toThrow(
      'm.onnx: Sin node "sin" reads "y", which is made from what it makes itself; export the model again.',
    );
  });

  test('in order are left alone', () => {
    const model = graphOf({ x }, (b) => b.neg(b.emit('Sin', ['x'])));
    expect(orderNodes(model)).toBe(model);
  });

  test('twenty thousand deep take no stack', () => {
    const chain = Array.from({ length: 20_000 }, (_, i) => ({
      opType: 'Neg',
      name: `n${i}`,
      input: [i === 0 ? 'x' : `v${i - 1}`],
      output: [i === 19_999 ? 'y' : `v${i}`],
    }));
    expect(orderNodes(unordered(...chain.toReversed())).graph.node.map(({ name }) => name)).toEqual(
      chain.map(({ name }) => name),
    );
  });
});

test('a path through nodes out of order is differentiated', async () => {
  const cotangent = { ...x, data: x.data.map(() => 1) };
  const { x_gradient: gradient } = await runModel(buildVjpGraph(unordered(neg, sin, cos)), {
    x,
    y_cotangent: cotangent,
  });
  gradient!.data.forEach((value, i) => {
    const at = x.data[i]!;
    expect(value).toBeCloseTo(Math.cos(Math.cos(at)) * Math.sin(at), 5);
  });
});
