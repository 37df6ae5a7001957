import { create } from '@bufbuild/protobuf';
import { expect, it } from 'vitest';
import { emptyGraph } from '../../test/support/onnx-run';
import { makePort } from './value-facts';
import { checkGraph } from './check-graph';
import { DataType } from './dtype';
import {
  AttributeProtoSchema,
  GraphProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  type GraphProto,
  type NodeProto,
} from './generated/onnx_pb';
import type { OnnxModel } from './model';

/** y = Relu(x) + w, to be spoilt. */
function model(): OnnxModel {
  const b = emptyGraph();
  b.addInput('x', DataType.FLOAT, ['batch', 2]);
  b.addInitialiser(create(TensorProtoSchema, { name: 'w', dataType: DataType.FLOAT, dims: [2n], floatData: [1, 2] }));
  b.alias(b.add(b.emit('Relu', ['x']), 'w'), 'y');
  b.addOutputPort(makePort('y', DataType.FLOAT, ['batch', 2]));
  return b.build('unet.onnx');
}

const weight = (graph: GraphProto) => graph.initializer[0]!;
const relu = (graph: GraphProto): NodeProto => graph.node[0]!;

it('accepts a sound graph, and branches that read values around them', () => {
  const sound = model();
  const branch = create(GraphProtoSchema, {
    node: [create(NodeProtoSchema, { opType: 'Neg', input: ['x'], output: ['z'] })],
    output: [{ name: 'z' }],
  });
  relu(sound.graph).attribute = [create(AttributeProtoSchema, { name: 'then_branch', g: branch })];
  expect(() => checkGraph(sound)).not.toThrow();
  branch.node[0]!.input = ['nobody'];
  expect(() => checkGraph(sound)).toThrow(
    'unet.onnx: Neg node that makes "z" reads "nobody", which nothing makes; export the model again.',
  );
});

it.each<[string, (graph: GraphProto) => void]>([
  ['Relu node "s4s_Relu_1" reads "nobody", which nothing makes', (graph) => (relu(graph).input = ['nobody'])],
  ['no node makes the output "y"', (graph) => graph.node.pop()],
  ['two values are called "w"', (graph) => (relu(graph).output = ['w'])],
  ['two initialisers are called "w"', (graph) => graph.initializer.push(weight(graph))],
  ['two inputs are called "x"', (graph) => graph.input.push(graph.input[0]!)],
  ['an input has no name', (graph) => graph.input.push(makePort('', DataType.FLOAT, []))],
  [
    '"z" has 65 dimensions, and more than 64 make no sense',
    (graph) => graph.input.push(makePort('z', DataType.FLOAT, new Array<number>(65).fill(1))),
  ],
  ['"w" has the impossible dimensions [-2]', (graph) => (weight(graph).dims = [-2n])],
  [
    '"w" has the impossible dimensions [1099511627776, 1099511627776]',
    (graph) => (weight(graph).dims = [2n ** 40n, 2n ** 40n]),
  ],
  ['"w" holds 7 bytes, but its dimensions [2] and type need 8', (graph) => (weight(graph).rawData = new Uint8Array(7))],
])('%s', (message, spoil) => {
  const spoilt = model();
  spoil(spoilt.graph);
  expect(() => checkGraph(spoilt)).toThrow(`unet.onnx: ${message}; export the model again.`);
});
