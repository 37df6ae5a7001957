import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import {
  emptyGraph,
  expectVjpMatchesDifferences,
  graphOf,
  int64,
  relativeError,
  runModel,
  spread,
} from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';
import { makePort } from '../value-facts';
import type { Dim } from '../dims';
import { DataType } from '../dtype';
import { AttributeProto_AttributeType, NodeProtoSchema, TensorProtoSchema } from '../generated/onnx_pb';
import type { OnnxModel } from '../model';
import { floatTensor } from '../tensors';
import { buildVjpGraph } from '../vjp';
import { foldBranches } from './fold-branches';

type NodeInit = MessageInitShape<typeof NodeProtoSchema>;
interface Branch {
  readonly nodes?: NodeInit[];
  readonly weights?: { name: string; value: number }[];
  readonly outputs: string[];
}

/** An `If`; the ranks of what its branches give are left open. */
function choose(condition: string, output: string[], then: Branch, otherwise: Branch) {
  const branch = (name: string, { nodes = [], weights = [], outputs }: Branch) => ({
    name,
    type: AttributeProto_AttributeType.GRAPH,
    g: {
      name,
      node: nodes.map((node) => create(NodeProtoSchema, node)),
      initializer: weights.map((weight) =>
        create(TensorProtoSchema, floatTensor(weight.name, DataType.FLOAT, [], [weight.value])),
      ),
      output: outputs.map((each) => ({
        name: each,
        type: { value: { case: 'tensorType' as const, value: { elemType: DataType.FLOAT } } },
      })),
    },
  });
  return create(NodeProtoSchema, {
    opType: 'If',
    name: `choose_${output.join('_')}`,
    input: [condition],
    output,
    attribute: [branch('then_branch', then), branch('else_branch', otherwise)],
  });
}

const node = (opType: string, input: string[], output: string): NodeInit => ({
  opType,
  name: opType.toLowerCase(),
  input,
  output: [output],
});

const x = spread([2, 3], 1);

/** A graph on x, of the given dimensions as far as the file tells them. */
function modelOf(dims: readonly Dim[], body: (b: GraphBuilder) => string): OnnxModel {
  const b = emptyGraph();
  b.addInput('x', DataType.FLOAT, dims);
  b.alias(body(b), 'y');
  b.addOutputPort(makePort('y', DataType.FLOAT, null));
  return b.build('test.onnx');
}

/**
 * No `If` is left, the values are those of the given graph in ONNX Runtime, and there is a gradient.
 *
 * @param written the same without branches, where ONNX Runtime does not take the graph
 */
async function expectFolded(model: OnnxModel, written = model): Promise<OnnxModel> {
  const feeds = { x };
  const folded = foldBranches(model);
  expect(folded.graph.node.map(({ opType }) => opType)).not.toContain('If');
  const [before, after] = [await runModel(written, feeds), await runModel(folded, feeds)];
  expect(relativeError(after['y'], before['y']!)).toBe(0);
  await expectVjpMatchesDifferences(folded, feeds);
  return folded;
}

/** Both branches use the same names, a weight each, and what is around them. */
const scaled: Branch = {
  nodes: [node('Mul', ['x', 'w'], 'm'), node('Sin', ['m'], 'r')],
  weights: [{ name: 'w', value: 2 }],
  outputs: ['r'],
};
const shifted: Branch = {
  nodes: [node('Add', ['x', 'w'], 'm'), node('Exp', ['m'], 'r')],
  weights: [{ name: 'w', value: -0.5 }],
  outputs: ['r'],
};

const size = (b: GraphBuilder, axis: number) => b.emit('Gather', [b.shape('x'), b.int(axis)]);
const constant = (b: GraphBuilder, value: boolean) => b.emit('Equal', [b.int(1), b.int(value ? 1 : 0)]);

describe('a condition that is known', () => {
  const conditions: [string, boolean, (b: GraphBuilder) => string][] = [
    ['a constant', true, (b) => constant(b, true)],
    ['a constant', false, (b) => constant(b, false)],
    ['not a constant', true, (b) => b.emit('Not', [constant(b, false)])],
    ['a size is', true, (b) => b.emit('Equal', [size(b, 1), b.int(3)])],
    ['a size is not', false, (b) => b.emit('Equal', [size(b, 1), b.int(1)])],
    ['a size is more', true, (b) => b.emit('Greater', [size(b, 1), b.int(2)])],
    ['a size is at most', false, (b) => b.emit('LessOrEqual', [size(b, 1), b.int(2)])],
    ['a size as a truth value', true, (b) => b.emit('Cast', [size(b, 1)], { to: DataType.BOOL })],
    ['an open size is negative', false, (b) => b.emit('Less', [size(b, 0), b.int(0)])],
    ['an open size is itself', true, (b) => b.emit('GreaterOrEqual', [size(b, 0), size(b, 0)])],
    ['a size is odd', true, (b) => b.emit('Equal', [b.emit('Mod', [size(b, 1), b.int(2)]), b.int(1)])],
    ['either', true, (b) => b.emit('Or', [b.emit('Equal', [size(b, 0), b.int(7)]), constant(b, true)])],
    ['both', false, (b) => b.emit('And', [b.emit('Equal', [size(b, 0), b.int(7)]), constant(b, false)])],
    ['one of two', true, (b) => b.emit('Xor', [constant(b, true), constant(b, false)])],
  ];
  test.each(conditions)('%s (%s)', async (_name, taken, condition) => {
    const folded = await expectFolded(
      modelOf(['batch', 3], (b) => {
        b.addNode(choose(condition(b), ['chosen'], scaled, shifted));
        return 'chosen';
      }),
    );
    expect(folded.graph.node.some(({ opType }) => opType === (taken ? 'Sin' : 'Exp'))).toBe(true);
    expect(folded.graph.node.some(({ opType }) => opType === (taken ? 'Exp' : 'Sin'))).toBe(false);
  });

  test('on the sizes of what an earlier branch gave', () =>
    expectFolded(
      modelOf([2, 3], (b) => {
        const squeeze = (from: string, to: string) =>
          choose(
            b.emit('Equal', [b.emit('Gather', [b.shape(from), b.int(0)]), b.int(1)]),
            [to],
            { nodes: [node('Squeeze', [from, b.ints([0])], 's')], outputs: ['s'] },
            { nodes: [node('Identity', [from], 's')], outputs: ['s'] },
          );
        b.addNode(squeeze(b.emit('Unsqueeze', ['x', b.ints([0, 1])]), 'first'));
        b.addNode(squeeze('first', 'second'));
        return 'second';
      }),
    ));

  test('in a branch in a branch', () =>
    expectFolded(
      modelOf([2, 3], (b) => {
        const yes = constant(b, true);
        const inner = choose(yes, ['n'], scaled, shifted);
        const outer: Branch = {
          nodes: [node('Neg', ['x'], 'p'), inner, node('Mul', ['p', 'n'], 'q')],
          outputs: ['q'],
        };
        b.addNode(choose(yes, ['chosen'], outer, shifted));
        b.addNode(choose(constant(b, false), ['other'], outer, shifted));
        return b.add('chosen', 'other');
      }),
    ));

  test('of branches that give what is around them, a weight, or one value twice', () =>
    expectFolded(
      modelOf([2, 3], (b) => {
        const captured = b.scale('x', 2);
        b.addNode(
          choose(
            constant(b, true),
            ['around', 'weight', 'once', 'twice'],
            {
              nodes: [node('Sin', ['x'], 'r')],
              weights: [{ name: 'w', value: 3 }],
              outputs: [captured, 'w', 'r', 'r'],
            },
            { nodes: [node('Neg', ['x'], 'r')], outputs: ['r', 'r', 'r', 'r'] },
          ),
        );
        return b.add(b.mul('around', 'weight'), b.mul('once', 'twice'));
      }),
      modelOf([2, 3], (b) => b.add(b.scale(b.scale('x', 2), 3), b.mul(b.emit('Sin', ['x']), b.emit('Sin', ['x'])))),
    ));
});

describe('what stays', () => {
  test('a graph without branches is returned as it is', () => {
    const model = modelOf([2, 3], (b) => b.neg('x'));
    expect(foldBranches(model)).toBe(model);
  });

  const open = (dims: readonly Dim[], condition: (b: GraphBuilder) => string) =>
    modelOf(dims, (b) => {
      b.addNode(choose(condition(b), ['chosen'], scaled, shifted));
      return b.mul('chosen', 'chosen');
    });

  test('a branch on an open size, which has no gradient and says what to do', () => {
    const model = open(['batch', 3], (b) => b.emit('Equal', [size(b, 0), b.int(1)]));
    expect(foldBranches(model).graph.node.map(({ opType }) => opType)).toContain('If');
    expect(() => buildVjpGraph(model)).toThrow(
      /If node "choose_chosen" is on the way .* which branch runs is decided by "s4s_Equal_\d", which depends on the sizes of the input "x"; export the model with these sizes fixed, or use/,
    );
  });

  test('a branch on values', () => {
    const model = open([2, 3], (b) =>
      b.emit('Greater', [b.emit('ReduceMax', ['x'], { keepdims: 0 }), b.scalar(0, 'x')]),
    );
    expect(() => buildVjpGraph(model)).toThrow(
      /depends on the value of the input "x"; export the model with that value fixed/,
    );
  });

  test('a branch on another input, of which only the branches read x', () => {
    const b = emptyGraph();
    b.addInput('x', DataType.FLOAT, [2, 3]);
    b.addInput('flag', DataType.BOOL, []);
    b.addNode(choose('flag', ['y'], scaled, shifted));
    b.addOutputPort(makePort('y', DataType.FLOAT, [2, 3]));
    expect(() => buildVjpGraph(b.build('test.onnx'))).toThrow(/depends on the value of the input "flag"/);
  });

  test('off the path it does not matter', async () => {
    const feeds = { x, n: int64([], [1]) };
    const model = graphOf(feeds, (b) => {
      const one: Branch = { weights: [{ name: 'w', value: 2 }], outputs: ['w'] };
      const two: Branch = { weights: [{ name: 'w', value: 3 }], outputs: ['w'] };
      b.addNode(choose(b.emit('Equal', ['n', b.int(1)]), ['factor'], one, two));
      return b.mul('x', 'factor');
    });
    const results = await runModel(buildVjpGraph(model, { inputs: ['x'] }), { ...feeds, y_cotangent: x });
    expect(results['x_gradient']!.data[0]).toBeCloseTo(2 * x.data[0]!, 5);
  });
});

test('5,000 nodes with branches take well under a second', () => {
  const model = modelOf([2, 3], (b) => {
    const yes = constant(b, true);
    for (let i = 0; i < 1000; i++) {
      const from = i === 0 ? 'x' : `v${i - 1}`;
      const chain = Array.from({ length: 4 }, (_, j) => node('Sin', [j === 0 ? from : `a${j - 1}`], `a${j}`));
      b.addNode(choose(yes, [`v${i}`], { nodes: chain, outputs: ['a3'] }, { nodes: chain, outputs: ['a3'] }));
    }
    return 'v999';
  });
  expect(foldBranches(model).graph.node).toHaveLength(4002);
  const times = [1, 2, 3].map(() => {
    const start = performance.now();
    foldBranches(model);
    return performance.now() - start;
  });
  expect(Math.min(...times)).toBeLessThan(1000);
});
