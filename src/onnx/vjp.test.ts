import { describe, expect, test } from 'vitest';
import { create } from '@bufbuild/protobuf';
import { emptyGraph, float32, graphOf, runModel, spread } from '../../test/support/onnx-run';
import { DataType } from './dtype';
import { UnsupportedOperatorError } from './errors';
import { NodeProtoSchema } from './generated/onnx_pb';
import { buildVjpGraph } from './vjp';

const x = spread([2, 3], 1);

test('only the asked inputs and outputs, under the asked names', async () => {
  const b = emptyGraph();
  b.addInput('p', DataType.FLOAT, [2]);
  b.addInput('q', DataType.FLOAT, [2]);
  b.alias(b.mul('p', 'q'), 'product');
  b.alias(b.add('p', 'q'), 'sum');
  b.addOutput('product');
  b.addOutput('sum');
  const model = buildVjpGraph(b.build('m.onnx'), {
    outputs: ['product'],
    inputs: ['q'],
    cotangentName: (name) => `bar_${name}`,
    gradientName: (name) => `d_${name}`,
  });
  expect(model.graph.input.map(({ name }) => name)).toEqual(['p', 'q', 'bar_product']);
  expect(model.graph.output.map(({ name }) => name)).toEqual(['product', 'sum', 'd_q']);
  const results = await runModel(model, {
    p: float32([2], [2, 3]),
    q: float32([2], [5, 7]),
    bar_product: float32([2], [1, 10]),
  });
  expect(results['d_q']!.data).toEqual([2, 30]);
  expect(results['sum']!.data).toEqual([7, 10]);
});

test('an input that the output does not depend on has gradient zero', async () => {
  const feeds = { x, unused: float32([3], [1, 2, 3]) };
  const results = await runModel(buildVjpGraph(graphOf(feeds, (b) => b.neg('x'))), { ...feeds, y_cotangent: x });
  expect(results['unused_gradient']!.data).toEqual([0, 0, 0]);
});

test('an input that is an output too', async () => {
  const b = emptyGraph();
  b.addInput('x', DataType.FLOAT, [2, 3]);
  b.addOutput('x');
  const results = await runModel(buildVjpGraph(b.build('m.onnx')), { x, x_cotangent: spread([2, 3], 9) });
  expect(results['x_gradient']!.data).toEqual(
    results['x_gradient']!.data.map((_, i) => Math.fround(spread([2, 3], 9).data[i]!)),
  );
});

test('two outputs that one is part of add up', async () => {
  const b = emptyGraph();
  b.addInput('x', DataType.FLOAT, [2]);
  b.alias(b.scale('x', 3), 'inner');
  b.alias(b.mul('inner', 'inner'), 'outer');
  b.addOutput('inner');
  b.addOutput('outer');
  const results = await runModel(buildVjpGraph(b.build('m.onnx')), {
    x: float32([2], [1, 2]),
    inner_cotangent: float32([2], [1, 1]),
    outer_cotangent: float32([2], [1, 1]),
  });
  // d(3x + 9x²)/dx
  expect(results['x_gradient']!.data).toEqual([21, 39]);
});

describe('what has no rule', () => {
  test('is named with its node and the value it feeds', () => {
    const model = graphOf({ x }, (b) =>
      b.emit('Sin', [b.emit('Det', [b.emit('MatMul', ['x', b.emit('Transpose', ['x'])])])]),
    );
    expect(() => buildVjpGraph(model)).toThrow(UnsupportedOperatorError);
    expect(() => buildVjpGraph(model)).toThrow(
      /test\.onnx: the operator Det has no gradient rule, and Det node "s4s_Det_3" is on the way .* \(it feeds "s4s_Det_3"\)/,
    );
  });

  test.each(['If', 'Loop', 'Scan'])('is refused when it is the control flow %s', (opType) => {
    const model = graphOf({ x }, (b) => {
      b.addNode(create(NodeProtoSchema, { opType, name: 'branch', input: ['x'], output: ['chosen'] }));
      return 'chosen';
    });
    expect(() => buildVjpGraph(model)).toThrow(
      new RegExp(`the operator ${opType} has no gradient rule, and ${opType} node "branch"`),
    );
  });

  test('is refused in other domains', () => {
    const model = graphOf({ x }, (b) => {
      b.addNode(create(NodeProtoSchema, { opType: 'Sin', domain: 'com.example', input: ['x'], output: ['wave'] }));
      return 'wave';
    });
    expect(() => buildVjpGraph(model)).toThrow(/com\.example\.Sin node that makes "wave"/);
  });

  test('does not matter off the path', () => {
    const model = graphOf({ x }, (b) => {
      const size = b.emit('Cast', [b.shape('x')], { to: DataType.FLOAT });
      return b.mul('x', b.emit('Det', [b.reshape(b.emit('Gather', [size, b.ints([0])]), [1, 1])]));
    });
    expect(() => buildVjpGraph(model)).not.toThrow();
  });
});

test('an old operator set says how to export', () => {
  const model = graphOf({ x }, (b) => b.neg('x'), { opset: 8 });
  expect(() => buildVjpGraph(model)).toThrow(
    'test.onnx uses ONNX operator set 8; gradients need 9 or later, so export the model with opset_version=17.',
  );
});

test('an unknown port is named with the ones there are', () => {
  expect(() =>
    buildVjpGraph(
      graphOf({ x }, (b) => b.neg('x')),
      { inputs: ['z'] },
    ),
  ).toThrow('test.onnx has no input "z"; its inputs are "x".');
});
