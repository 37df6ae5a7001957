import { create } from '@bufbuild/protobuf';
import { expect, it } from 'vitest';
import { OnnxError } from './errors';
import { NodeProtoSchema } from './generated/onnx_pb';
import { guardNode } from './guard';

const node = create(NodeProtoSchema, { opType: 'Conv', name: 'down/0' });

it('what fails on a node without a reason for a person is refused with the name of the node', () => {
  const cause = new RangeError('Invalid array length');
  const step = () => {
    throw cause;
  };
  expect(() => guardNode(step, node, 'unet.onnx')).toThrow(
    expect.objectContaining({
      name: 'OnnxError',
      code: 'invalid-graph',
      message: 'unet.onnx: Conv node "down/0" cannot be understood (Invalid array length); export the model again.',
      location: { operator: 'Conv', node: 'down/0' },
      cause,
    }),
  );
});

it.each([new OnnxError('ports', 'Name a port.'), new ReferenceError('x is not defined')])('%s passes', (error) => {
  const step = () => {
    throw error;
  };
  expect(() => guardNode(step, node, 'unet.onnx')).toThrow(error);
});

it('names of a damaged file do not break a message into lines, nor make it endless', () => {
  const { message } = new OnnxError('ports', `"a\n\u202eb\0" ${'n'.repeat(5000)} end.`);
  expect(message).toMatch(/^"a��b�" n{500,} … n{200,} end\.$/);
  expect(message.length).toBeLessThan(1000);
});
