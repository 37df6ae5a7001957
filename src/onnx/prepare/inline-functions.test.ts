import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import {
  expectVjpMatchesDifferences,
  graphOf,
  relativeError,
  runModel,
  spread,
  type Feeds,
} from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';
import {
  AttributeProto_AttributeType,
  FunctionProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  type AttributeProtoSchema,
  type FunctionProto,
} from '../generated/onnx_pb';
import { wrapModel, type OnnxModel } from '../model';
import { revise } from '../revise';
import { inlineFunctions } from './inline-functions';

type NodeInit = MessageInitShape<typeof NodeProtoSchema>;
type AttributeInit = MessageInitShape<typeof AttributeProtoSchema>;

const { INT, FLOAT, GRAPH } = AttributeProto_AttributeType;
const float = (name: string, f: number): AttributeInit => ({ name, type: FLOAT, f });
const int = (name: string, i: number): AttributeInit => ({ name, type: INT, i: BigInt(i) });
const reference = (name: string, refAttrName: string, type: AttributeProto_AttributeType): AttributeInit => ({
  name,
  refAttrName,
  type,
});

const local = (init: MessageInitShape<typeof FunctionProtoSchema>, opset = 17): FunctionProto =>
  create(FunctionProtoSchema, {
    domain: 'local',
    opsetImport: [
      { domain: '', version: BigInt(opset) },
      { domain: 'local', version: 1n },
    ],
    ...init,
  });

/** A node of a local function. */
const call = (opType: string, input: string[], output: string[], rest: NodeInit = {}) =>
  create(NodeProtoSchema, { opType, domain: 'local', name: `call_${output.join('_')}`, input, output, ...rest });

function modelWith(functions: FunctionProto[], feeds: Feeds, body: (b: GraphBuilder) => string, opset = 17): OnnxModel {
  const { proto, label } = graphOf(feeds, body, { opset });
  return wrapModel(
    revise(ModelProtoSchema, proto, {
      functions,
      opsetImport: [...proto.opsetImport, ...local({}).opsetImport.slice(1)],
    }),
    label,
  );
}

const x = spread([2, 3], 1);

/**
 * The inlined model gives the same values as the given one, by ONNX Runtime's own reading of the functions, and has a
 * gradient.
 *
 * @param written the same without functions, where ONNX Runtime cannot read them
 */
async function expectInlined(model: OnnxModel, written = model): Promise<OnnxModel> {
  const feeds = { x };
  const inlined = inlineFunctions(model);
  expect(inlined.proto.functions).toEqual([]);
  expect(inlined.graph.node.filter((node) => node.domain === 'local')).toEqual([]);
  const [before, after] = [await runModel(written, feeds), await runModel(inlined, feeds)];
  expect(relativeError(after['y'], before['y']!)).toBeLessThan(1e-6);
  await expectVjpMatchesDifferences(inlined, feeds);
  return inlined;
}

/** f(a, b) = leaky(a) · b, with b left out: leaky(a); the slope is an attribute with a default. */
const leaky = local({
  name: 'Leaky',
  input: ['a'],
  output: ['r'],
  attributeProto: [float('slope', 0.5)],
  node: [
    { opType: 'LeakyRelu', name: 'act', input: ['a'], output: ['t'], attribute: [reference('alpha', 'slope', FLOAT)] },
    { opType: 'Sin', name: 'wave', input: ['t'], output: ['r'] },
  ],
});

describe('calls', () => {
  test('with attributes, by default and given, and values of the same names', async () => {
    const model = modelWith([leaky], { x }, (b) => {
      b.addNode(call('Leaky', ['x'], ['t']));
      b.addNode(call('Leaky', ['t'], ['u'], { attribute: [float('slope', 0.1)] }));
      return b.mul('t', 'u');
    });
    const inlined = await expectInlined(model);
    expect(inlined.graph.node.map(({ opType, name }) => [opType, name]).slice(0, 4)).toEqual([
      ['LeakyRelu', 'call_t/act'],
      ['Sin', 'call_t/wave'],
      ['LeakyRelu', 'call_u/act'],
      ['Sin', 'call_u/wave'],
    ]);
  });

  test('in calls, with inputs that come back as outputs', async () => {
    const outer = local({
      name: 'Outer',
      input: ['a', 'b'],
      output: ['r', 'a'],
      attribute: ['slope'],
      node: [
        call('Leaky', ['a'], ['t'], { name: '', attribute: [reference('slope', 'slope', FLOAT)] }),
        { opType: 'Add', input: ['t', 'b'], output: ['r'] },
      ],
    });
    const model = modelWith([outer, leaky], { x }, (b) => {
      b.addNode(call('Outer', ['x', 'x'], ['t', 'same'], { attribute: [float('slope', 0.2)] }));
      return b.mul('t', 'same');
    });
    const written = graphOf({ x }, (b) =>
      b.mul(b.add(b.emit('Sin', [b.emit('LeakyRelu', ['x'], { alpha: { float: 0.2 } })]), 'x'), 'x'),
    );
    await expectInlined(model, written);
  });

  test('with attributes that nobody gives', async () => {
    const gather = local({
      name: 'Pick',
      input: ['a'],
      output: ['r'],
      attribute: ['axis'],
      node: [{ opType: 'Softmax', input: ['a'], output: ['r'], attribute: [reference('axis', 'axis', INT)] }],
    });
    const model = modelWith([gather], { x }, (b) => {
      b.addNode(call('Pick', ['x'], ['s']));
      b.addNode(call('Pick', ['x'], ['u'], { attribute: [int('axis', 0)] }));
      return b.sub('s', 'u');
    });
    await expectInlined(model);
  });

  test('with optional inputs and outputs left out', async () => {
    const limit = local({
      name: 'Limit',
      input: ['a', 'low', 'high'],
      output: ['r', 'twice'],
      node: [
        { opType: 'Clip', input: ['a', 'low', 'high'], output: ['r'] },
        { opType: 'Add', input: ['r', 'r'], output: ['twice'] },
      ],
    });
    const model = modelWith([limit], { x }, (b) => {
      b.addNode(call('Limit', ['x', '', b.scalar(0.1, 'x')], ['t']));
      b.addNode(call('Limit', ['x', b.scalar(-0.2, 'x')], ['', 'u']));
      return b.add('t', 'u');
    });
    const written = graphOf({ x }, (b) =>
      b.add(
        b.emit('Clip', ['x', undefined, b.scalar(0.1, 'x')]),
        b.scale(b.emit('Clip', ['x', b.scalar(-0.2, 'x')]), 2),
      ),
    );
    await expectInlined(model, written);
  });

  test('of one name with two overloads', async () => {
    const overload = (name: string, opType: string) =>
      local({
        name: 'F',
        overload: name,
        input: ['a'],
        output: ['r'],
        node: [{ opType, input: ['a'], output: ['r'] }],
      });
    const model = modelWith([overload('one', 'Sin'), overload('two', 'Exp')], { x }, (b) => {
      b.addNode(call('F', ['x'], ['t'], { overload: 'one' }));
      b.addNode(call('F', ['x'], ['u'], { overload: 'two' }));
      return b.add('t', 'u');
    });
    expect(inlineFunctions(model).graph.node.map((node) => node.opType)).toEqual(['Sin', 'Exp', 'Add', 'Identity']);
  });

  test('inside a branch, of a function that has branches', async () => {
    const branch = (name: string, opType: string, input: string): AttributeInit => ({
      name,
      type: GRAPH,
      g: {
        name,
        node: [call(opType, [input], ['chosen'], opType === 'Leaky' ? {} : { domain: '' })],
        output: [{ name: 'chosen', type: { value: { case: 'tensorType', value: { elemType: 1 } } } }],
      },
    });
    const switching = local({
      name: 'Switch',
      input: ['a'],
      output: ['r'],
      node: [
        { opType: 'Size', input: ['a'], output: ['n'] },
        { opType: 'Constant', output: ['six'], attribute: [int('value_int', 6)] },
        { opType: 'Equal', input: ['n', 'six'], output: ['is'] },
        {
          opType: 'If',
          input: ['is'],
          output: ['r'],
          attribute: [branch('then_branch', 'Leaky', 'a'), branch('else_branch', 'Neg', 'a')],
        },
      ],
    });
    const model = modelWith([switching, leaky], { x }, (b) => {
      b.addNode(call('Switch', ['x'], ['t']));
      b.addNode(call('Switch', [b.mul('x', 't')], ['u']));
      return b.add('t', 'u');
    });
    await expectInlined(model);
  });
});

describe('functions of another operator set', () => {
  const mean = (opset: number) =>
    local(
      {
        name: 'Centre',
        input: ['a'],
        output: ['r'],
        attribute: ['along'],
        node: [
          {
            opType: 'ReduceMean',
            input: ['a'],
            output: ['m'],
            attribute: [{ name: 'axes', refAttrName: 'along', type: AttributeProto_AttributeType.INTS }],
          },
          { opType: 'Sub', input: ['a', 'm'], output: ['r'] },
        ],
      },
      opset,
    );
  const along = { name: 'along', type: AttributeProto_AttributeType.INTS, ints: [1n] };

  /** (x − mean of its rows) · (sum of its columns), the mean by a function of the given operator set. */
  const centred = (functionOpset: number, modelOpset: number) =>
    modelWith(
      [mean(functionOpset)],
      { x },
      (b) => {
        b.addNode(call('Centre', ['x'], ['t'], { attribute: [along] }));
        return b.mul('t', b.reduceSum('x', [0], true));
      },
      modelOpset,
    );

  test('than the model’s: both come to a common one', async () => {
    const inlined = await expectInlined(centred(13, 18), centred(17, 17));
    expect(inlined.opset).toBe(21);
  });

  test('as the model: its operator set stays', () => {
    expect(inlineFunctions(centred(17, 17)).opset).toBe(17);
  });

  test('than any that can be read', () => {
    expect(() => inlineFunctions(centred(8, 17))).toThrow('test.onnx uses ONNX operator set 8; gradients need 9');
  });
});

test('a model without functions is returned as it is', () => {
  const model = graphOf({ x }, (b) => b.neg('x'));
  expect(inlineFunctions(model)).toBe(model);
});

test('weights are not copied, and their files stay known', () => {
  const model = modelWith([leaky], { x }, (b) => {
    b.addNode(call('Leaky', [b.mul('x', b.floats([3], [1, 2, 3], 1))], ['t']));
    return 't';
  });
  const weights = { folder: '/models', files: ['/models/weights.bin'] };
  const inlined = inlineFunctions({ ...model, weights });
  expect(inlined.graph.initializer[0]).toBe(model.graph.initializer[0]);
  expect(inlined.weights).toBe(weights);
});

test('5,000 nodes take well under a second', () => {
  const model = modelWith([leaky], { x }, (b) => {
    for (let i = 0; i < 2500; i++) b.addNode(call('Leaky', [i === 0 ? 'x' : `v${i - 1}`], [`v${i}`]));
    return 'v2499';
  });
  expect(inlineFunctions(model).graph.node).toHaveLength(5001);
  const times = [1, 2, 3].map(() => {
    const start = performance.now();
    inlineFunctions(model);
    return performance.now() - start;
  });
  expect(Math.min(...times)).toBeLessThan(1000);
});

describe('what cannot be', () => {
  test('functions that call each other in a circle', () => {
    const one = (name: string, other: string) =>
      local({ name, input: ['a'], output: ['r'], node: [call(other, ['a'], ['r'], { name: `to_${other}` })] });
    const model = modelWith([one('A', 'B'), one('B', 'A')], { x }, (b) => {
      b.addNode(call('A', ['x'], ['t']));
      return 't';
    });
    expect(() => inlineFunctions(model)).toThrow(
      /test\.onnx: the function A calls itself \(by local\.A node "to_A"\), which ONNX does not allow/,
    );
  });

  const chain = (length: number, callsEach: number): OnnxModel => {
    const functions = Array.from({ length }, (_, i) =>
      local({
        name: `F${i}`,
        input: ['a'],
        output: ['r'],
        node:
          i === length - 1
            ? [{ opType: 'Neg', input: ['a'], output: ['r'] }]
            : Array.from({ length: callsEach }, (_, j) => call(`F${i + 1}`, ['a'], [j === 0 ? 'r' : `r${j}`])),
      }),
    );
    return modelWith(functions, { x }, (b) => {
      b.addNode(call('F0', ['x'], ['t']));
      return 't';
    });
  };

  test('functions that double their nodes without end', () => {
    expect(() => inlineFunctions(chain(40, 2))).toThrow(
      'test.onnx: its local functions unfold to more than 250000 nodes; export the model without local functions.',
    );
  });

  test('functions that call each other too deep', () => {
    expect(inlineFunctions(chain(90, 1)).graph.node[0]!.opType).toBe('Neg');
    expect(() => inlineFunctions(chain(10_000, 1))).toThrow('call each other more than 100 deep');
  });
});
