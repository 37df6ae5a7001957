import { describe, expect, it } from 'vitest';
import { emptyGraph, float32, graphOf } from '../../test/support/onnx-run';
import type { Attributes } from './attributes';
import type { GraphBuilder } from './builder';
import { makePort } from './value-facts';
import { DataType } from './dtype';
import { OnnxError } from './errors';
import { buildVjpGraph } from './vjp';

const image = float32([2, 4, 8, 8], []);

function errorOf(body: (b: GraphBuilder) => string): OnnxError {
  try {
    buildVjpGraph(graphOf({ x: image }, body, { opset: 21 }));
  } catch (error) {
    if (error instanceof OnnxError) return error;
    throw error;
  }
  throw new Error('was built');
}

const single =
  (operator: string, attributes: Attributes, ...more: ((b: GraphBuilder) => string)[]) =>
  (b: GraphBuilder) =>
    b.emit(operator, ['x', ...more.map((make) => make(b))], attributes);
const ints =
  (...values: number[]) =>
  (b: GraphBuilder) =>
    b.ints(values);
const weight = (b: GraphBuilder) => b.floats([3, 4, 1, 1], new Array<number>(12).fill(1), DataType.FLOAT);

describe('a node that contradicts itself is refused by name', () => {
  it.each<[string, (b: GraphBuilder) => string, string]>([
    ['axis', single('Softmax', { axis: 4 }), 'names axis 4 of a value with 4 dimensions'],
    ['negative axis', single('LogSoftmax', { axis: -5 }), 'names axis -5 of a value with 4 dimensions'],
    ['axes', single('ReduceSum', {}, ints(1, 9)), 'names axis 9 of a value with 4 dimensions'],
    [
      'float axes',
      (b) => b.emit('ReduceSum', ['x', b.floats([1], [0.5], DataType.FLOAT)]),
      'needs integers as its second input, not float32',
    ],
    ['axes twice', single('ReduceMean', {}, ints(1, -3)), 'names an axis twice'],
    ['perm', single('Transpose', { perm: [0, 1, 1, 2] }), 'has perm [0, 1, 1, 2], which is no order of 4 axes'],
    ['short perm', single('Transpose', { perm: [1, 0] }), 'has perm [1, 0], which is no order of 4 axes'],
    ['strides', single('Conv', { strides: [0, 1] }, weight), 'has strides [0, 1], which do not fit'],
    ['pads', single('Conv', { pads: [1, 1] }, weight), 'has pads [1, 1], which do not fit'],
    ['kernel', single('MaxPool', { kernel_shape: [2] }), 'has kernel_shape [2], which do not fit'],
    ['group', single('Conv', { group: 0 }, weight), 'has group 0, which must be from 1 to 1048576'],
    ['blocks', single('DepthToSpace', { blocksize: 0 }), 'has blocksize 0, which must be from 1 to 1048576'],
    ['split', single('Split', { axis: 1 }, ints(1)), 'splits 4 into [1] for 1 outputs'],
    ['padding', single('Pad', {}, ints(1, 1)), 'has 2 pads where 8 are needed'],
    ['scalar', single('Pad', {}, (b) => b.int(1)), 'has pads with 0 dimensions, which must be a list'],
    ['repeats', single('Tile', {}, ints(1, 1)), 'has 2 repeats where 4 are needed'],
    ['slices', single('Slice', {}, ints(0), ints(1, 2)), 'has 2 limits where 1 are needed'],
    ['inputs', single('MatMul', {}), 'lacks its second input'],
    ['rank', (b) => b.emit('MatMul', ['x', b.scalar(1, 'x')]), 'needs at least 1 dimensions in its second input'],
    ['equation', single('Einsum', { equation: 'nchw,c->nhw' }), 'has an equation for 2 operands, but 1 inputs'],
  ])('%s', (_what, body, message) => {
    const error = errorOf(body);
    expect(error.code).toBe('invalid-graph');
    expect(error.message).toContain(message);
    expect(error.message).toMatch(/^test\.onnx: \w+ node "s4s_\w+" .*; export the model again\.$/);
    expect(error.location?.node).toMatch(/^s4s_/);
  });

  it('a value of more dimensions than make sense', () => {
    const b = emptyGraph(21);
    b.addInput('x', DataType.FLOAT, [1]);
    b.alias(b.emit('Reshape', ['x', b.ints(new Array<number>(64).fill(1))]), 'y');
    b.addOutputPort(makePort('y', DataType.FLOAT, null));
    expect(() => buildVjpGraph(b.build('test.onnx'))).not.toThrow();
    expect(() => b.emit('Reshape', ['x', b.ints(new Array<number>(65).fill(1))])).toThrow(
      'node "s4s_Reshape_5" makes a value of 65 dimensions, and more than 64 make no sense',
    );
  });

  it('but not where the shape is unknown', () => {
    const b = emptyGraph(21);
    b.addInput('x', DataType.FLOAT, null);
    b.alias(b.emit('Softmax', ['x'], { axis: 7 }), 'y');
    b.addOutputPort(makePort('y', DataType.FLOAT, null));
    expect(() => buildVjpGraph(b.build('test.onnx'))).not.toThrow(/names axis/);
  });
});
