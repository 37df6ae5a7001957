import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { float32, graphOf, int64 } from '../../../test/support/onnx-run';
import { DataType } from '../dtype';
import { AttributeProto_AttributeType, NodeProtoSchema } from '../generated/onnx_pb';
import { makePort } from '../value-facts';
import { gradientReport } from './gradient';
import type { GraphPath } from './path';

const x = float32([2, 3], []);
const names = (path: GraphPath | null): string[] =>
  path ? [path.from, ...path.nodes.map(({ operator }) => operator), path.to] : [];

test('nothing blocks a plain graph; integers and unread inputs are told apart', () => {
  const model = graphOf({ x, labels: int64([2], []), unused: x, gate: x }, (b) => {
    const shape = b.emit('Cast', [b.emit('Greater', ['gate', b.scalar(0, 'x')])], { to: 1 });
    return b.mul(b.emit('Sigmoid', ['x']), b.mul(shape, b.emit('Cast', [b.emit('ReduceSum', ['labels'])], { to: 1 })));
  });
  expect(gradientReport(model)).toEqual({
    blockers: [],
    inputs: [
      { name: 'x', differentiable: 'yes', reason: null },
      { name: 'labels', differentiable: 'no', reason: 'it holds integers, which have no derivative' },
      { name: 'unused', differentiable: 'no', reason: 'nothing reads it' },
      {
        name: 'gate',
        differentiable: 'no',
        reason: 'its way to the output leads through operators without a derivative (it feeds Greater)',
      },
    ],
  });
});

test('all nodes without a rule are found, also one behind another, with the inputs they concern', () => {
  const model = graphOf({ x, other: x, z: x }, (b) => {
    const first = b.emit('Mystery', [b.neg('x')]);
    const second = b.emit('Mystery', [b.emit('Sigmoid', [first])]);
    return b.add(b.add(second, b.emit('Riddle', ['other'])), b.neg('z'));
  });
  const { inputs, blockers } = gradientReport(model);
  expect(inputs.map(({ differentiable }) => differentiable)).toEqual(['blocked', 'blocked', 'yes']);
  expect(blockers).toMatchObject([
    { operator: 'Mystery', code: 'unsupported-operator', nodes: ['s4s_Mystery_2', 's4s_Mystery_4'], inputs: ['x'] },
    { operator: 'Riddle', code: 'unsupported-operator', nodes: ['s4s_Riddle_5'], inputs: ['other'] },
  ]);
  expect(names(blockers[0]!.path)).toEqual([
    'x',
    'Neg',
    'Mystery',
    'Sigmoid',
    'Mystery',
    'Add',
    'Add',
    'Identity',
    'y',
  ]);
  expect(blockers[0]!.reason).toMatch(/^the operator Mystery has no gradient rule, and Mystery node "s4s_Mystery_2"/);
});

test('a refused variant is named with what it needs', () => {
  const model = graphOf({ x }, (b) => {
    const isTraining = b.emit('Cast', [b.int(1)], { to: DataType.BOOL });
    return b.emit('Dropout', [b.emit('Sigmoid', ['x']), undefined, isTraining]);
  });
  expect(gradientReport(model).blockers).toMatchObject([
    {
      operator: 'Dropout',
      code: 'unsupported-variant',
      reason: expect.stringMatching(
        /^Dropout node "\S+" has a gradient here only if its training mode is off/,
      ) as string,
      inputs: ['x'],
    },
  ]);
});

test('a composite operator that cannot be written out is refused once, under its own name', () => {
  const tokens = float32([1, 4, 8], []);
  const model = graphOf({ q: tokens, k: tokens, v: tokens }, (b) => b.emit('Attention', ['q', b.neg('k'), 'v']), {
    opset: 23,
  });
  const { blockers, inputs } = gradientReport(model);
  expect(blockers).toMatchObject([
    { operator: 'Attention', code: 'unsupported-variant', nodes: ['s4s_Attention_2'], inputs: ['q', 'k', 'v'] },
  ]);
  expect(inputs.map(({ differentiable }) => differentiable)).toEqual(['blocked', 'blocked', 'blocked']);
});

test('the path keeps to values that carry a derivative', () => {
  const model = graphOf({ x }, (b) => b.emit('Mystery', [b.emit('Expand', [b.neg('x'), b.shape('x')])]));
  const [blocker] = gradientReport(model).blockers;
  expect(names(blocker!.path)).toEqual(['x', 'Neg', 'Expand', 'Mystery', 'Identity', 'y']);
});

test('a value that only the branches of an If read leads to it', () => {
  const model = graphOf({ x, choice: { dtype: 'bool', shape: [], data: [] } }, (b) => {
    const branch = (name: string, opType: string) => ({
      name,
      type: AttributeProto_AttributeType.GRAPH,
      g: { node: [{ opType, input: ['x'], output: [name] }], output: [makePort(name, DataType.FLOAT, [2, 3])] },
    });
    const attribute = [branch('then_branch', 'Sin'), branch('else_branch', 'Cos')];
    b.addNode(create(NodeProtoSchema, { opType: 'If', input: ['choice'], output: ['chosen'], attribute }));
    return b.neg('chosen');
  });
  const { inputs, blockers } = gradientReport(model);
  expect(inputs.find(({ name }) => name === 'x')?.differentiable).toBe('blocked');
  expect(blockers[0]?.inputs).toEqual(['x']);
  expect(names(blockers[0]!.path).slice(0, 3)).toEqual(['x', 'If', 'Neg']);
});
