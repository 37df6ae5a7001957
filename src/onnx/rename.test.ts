import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { AttributeProtoSchema, GraphProtoSchema, NodeProtoSchema } from './generated/onnx_pb';
import { renameValues } from './rename';

test('values are renamed in branches of control flow too, and other nodes are shared', () => {
  const inner = create(GraphProtoSchema, {
    node: [create(NodeProtoSchema, { opType: 'Neg', input: ['x'], output: ['z'] })],
    output: [{ name: 'z' }],
  });
  const graph = create(GraphProtoSchema, {
    input: [{ name: 'x' }],
    node: [
      create(NodeProtoSchema, { opType: 'Sin', input: ['w'], output: ['v'] }),
      create(NodeProtoSchema, {
        opType: 'If',
        input: ['c'],
        output: ['y'],
        attribute: [create(AttributeProtoSchema, { name: 'then_branch', g: inner })],
      }),
    ],
  });
  const renamed = renameValues(graph, new Map([['x', 'x_2']]));
  expect(renamed.input[0]!.name).toBe('x_2');
  expect(renamed.node[0]).toBe(graph.node[0]);
  expect(renamed.node[1]!.attribute[0]!.g!.node[0]!.input).toEqual(['x_2']);
  expect(renamed.node[1]!.domain).toBe('');
  expect(graph.node[1]!.attribute[0]!.g!.node[0]!.input).toEqual(['x']);
});
