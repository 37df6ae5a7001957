import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { graphOf, spread } from '../../test/support/onnx-run';
import { NodeProtoSchema } from './generated/onnx_pb';
import { buildVjpGraph } from './vjp';

const x = spread([2, 3], 1);

const withNode = (opType: string, condition: 'x' | 'random' | 'size') =>
  graphOf(
    { x, z: x },
    (b) => {
      const values = { x: 'x', random: b.emit('RandomUniform', [], { shape: [1] }), size: b.shape('z') };
      const input = [b.emit('ReduceMax', [values[condition]]), 'x'];
      b.addNode(create(NodeProtoSchema, { opType, name: 'flow', input, output: ['chosen'] }));
      return 'chosen';
    },
    { dynamic: true },
  );

test.each(['Loop', 'Scan'])('%s says that the loop can be unrolled', (opType) => {
  expect(() => buildVjpGraph(withNode(opType, 'random'))).toThrow(
    /export the model with the loop unrolled \(by tracing, with fixed sizes\), or use a learning method without gradients\.$/,
  );
});

test.each([
  ['x', 'depends on the value of the input "x"; export the model with that value fixed'],
  ['size', 'depends on the sizes of the input "z"; export the model with these sizes fixed'],
  ['random', 'cannot be worked out from the file; export the model by tracing, without the branch'],
] as const)('If says what decides: %s', (condition, text) => {
  expect(() => buildVjpGraph(withNode('If', condition))).toThrow(text);
});
