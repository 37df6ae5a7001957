import { fromBinary, toBinary, create } from '@bufbuild/protobuf';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { subgraphs } from '../../src/onnx/attributes';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType,
  FunctionProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorProtoSchema,
  TensorProto_DataLocation,
  TypeProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../../src/onnx/generated/onnx_pb';
import { DataType } from '../../src/onnx/dtype';
import { gradientRules } from '../../src/onnx/rules';
import { int64Tensor } from '../../src/onnx/tensors';

/** Draws that depend on a seed only. */
export class Random {
  private readonly generator;

  constructor(seed: number) {
    this.generator = xoroshiro128plus(seed);
  }

  /** 0 to `count` − 1. */
  below(count: number): number {
    return uniformInt(this.generator, 0, Math.max(0, count - 1));
  }

  pick<T>(values: readonly T[]): T | undefined {
    return values[this.below(values.length)];
  }
}

/** Changes a model in place. */
type Mutation = (model: ModelProto, random: Random) => void;

const extremes = [-1n, 0n, 1n, 7n, 63n, 64n, 1000n, 2n ** 31n, 2n ** 40n, 2n ** 53n + 1n, 2n ** 62n, -(2n ** 63n)];

function allGraphs(model: ModelProto): GraphProto[] {
  const graphs: GraphProto[] = [];
  const visit = (graph: GraphProto) => {
    graphs.push(graph);
    for (const node of graph.node) subgraphs(node).forEach(visit);
  };
  if (model.graph) visit(model.graph);
  return graphs;
}

function anyNode(model: ModelProto, random: Random): NodeProto {
  const lists = [...allGraphs(model).map((graph) => graph.node), ...model.functions.map(({ node }) => node)];
  return random.pick(lists.filter((list) => list.length > 0).flat()) ?? create(NodeProtoSchema);
}

function anyTensor(model: ModelProto, random: Random): TensorProto {
  const stored = allGraphs(model).flatMap((graph) => [
    ...graph.initializer,
    ...graph.node.flatMap((node) => node.attribute.flatMap(({ t }) => (t ? [t] : []))),
  ]);
  return random.pick(stored) ?? create(TensorProtoSchema);
}

function anyPort(model: ModelProto, random: Random): ValueInfoProto {
  const ports = allGraphs(model).flatMap(({ input, output, valueInfo }) => [...input, ...output, ...valueInfo]);
  return random.pick(ports) ?? create(ValueInfoProtoSchema);
}

function anyName(model: ModelProto, random: Random): string {
  const graph = random.pick(allGraphs(model));
  const names = graph ? [...graph.node.flatMap(({ output }) => output), ...graph.input.map(({ name }) => name)] : [];
  return random.pick(names) ?? 'x';
}

function anyAttribute(model: ModelProto, random: Random): AttributeProto {
  for (let tries = 0; tries < 50; tries++) {
    const found = random.pick(anyNode(model, random).attribute);
    if (found) return found;
  }
  return create(AttributeProtoSchema);
}

const attribute = (name: string, content: Partial<AttributeProto>) =>
  Object.assign(create(AttributeProtoSchema, { name }), content);
const intAttribute = (name: string, value: bigint) =>
  attribute(name, { type: AttributeProto_AttributeType.INT, i: value });
const intsAttribute = (name: string, values: bigint[]) =>
  attribute(name, { type: AttributeProto_AttributeType.INTS, ints: values });
const graphAttribute = (name: string, g: GraphProto) =>
  attribute(name, { type: AttributeProto_AttributeType.GRAPH, g });

/** Puts a node between a value and those that read it. */
function splice(model: ModelProto, random: Random, make: (value: string, made: string) => NodeProto[]): void {
  const graph = model.graph;
  if (!graph || graph.node.length === 0) return;
  const at = random.below(graph.node.length);
  const node = graph.node[at]!;
  const slot = random.below(node.input.length);
  const value = node.input[slot];
  if (value === undefined || value === '') return;
  const made = `spliced_${graph.node.length}`;
  node.input[slot] = made;
  graph.node.splice(at, 0, ...make(value, made));
}

const node = (opType: string, input: string[], output: string[], given: AttributeProto[] = [], domain = '') =>
  create(NodeProtoSchema, { opType, input, output, attribute: given, domain });

function addConstant(model: ModelProto, name: string, values: readonly bigint[], dims = [values.length]): string {
  model.graph?.initializer.push(int64Tensor(name, dims, values));
  return name;
}

function nested(depth: number): GraphProto {
  const inner =
    depth === 0
      ? node('Identity', ['condition'], ['out'])
      : node(
          'If',
          ['condition'],
          ['out'],
          [graphAttribute('then_branch', nested(depth - 1)), graphAttribute('else_branch', create(GraphProtoSchema))],
        );
  return create(GraphProtoSchema, { name: `depth ${depth}`, node: [inner], output: [{ name: 'out' }] });
}

function addFunctions(model: ModelProto, random: Random, calls: (i: number) => number[]): void {
  const count = 30;
  model.functions = Array.from({ length: count }, (_, i) => {
    const inner = calls(i);
    const body = inner.map((callee, k) => node(`f${callee}`, [k === 0 ? 'a' : `v${k - 1}`], [`v${k}`], [], 'local'));
    return create(FunctionProtoSchema, {
      name: `f${i}`,
      domain: 'local',
      input: ['a'],
      output: ['b'],
      node: [...body, node('Identity', [inner.length > 0 ? `v${inner.length - 1}` : 'a'], ['b'])],
      opsetImport: model.opsetImport,
    });
  });
  model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: 'local', version: 1n }));
  splice(model, random, (value, made) => [node('f0', [value], [made], [], 'local')]);
}

const evilLocations = [
  '../../etc/passwd',
  '../outside.bin',
  '/etc/passwd',
  'link.bin',
  'up/outside.bin',
  'C:\\w.bin',
  '..\\w.bin',
  '',
  '.',
  'weights.bin',
  'none.bin',
  '*/_ORT_MEM_ADDR_/*',
  '\0',
];

/** Mutations that know the format: each makes a file that parses, and says something absurd. */
export const structured: Readonly<Record<string, Mutation>> = {
  tensorDims: (model, random) => {
    const tensor = anyTensor(model, random);
    if (random.below(2)) tensor.dims[random.below(tensor.dims.length)] = random.pick(extremes)!;
    else tensor.dims = Array.from({ length: random.pick([0, 1, 9, 65, 5000])! }, () => random.pick([1n, 1n, 2n])!);
  },
  portDims: (model, random) => {
    const type = anyPort(model, random).type?.value;
    if (type?.case !== 'tensorType' || !type.value.shape) return;
    const dims = type.value.shape.dim;
    const dim = random.pick(dims);
    const style = random.below(4);
    if (style === 0) delete type.value.shape;
    else if (style === 1) for (const end = random.pick([1, 60, 3000])!; dims.length < end;) dims.push(dims[0]!);
    else if (style === 2 && dim) dim.value = { case: 'dimValue', value: random.pick(extremes)! };
    else if (dim)
      dim.value = {
        case: 'dimParam',
        value: random.pick(['', 'batch', '*', '2*', 'a*b*c', '__proto__', 'x'.repeat(100_000)])!,
      };
  },
  portType: (model, random) => {
    const port = anyPort(model, random);
    const type = port.type?.value;
    if (random.below(3) === 0) port.type = create(TypeProtoSchema, { value: { case: 'sequenceType', value: {} } });
    else if (random.below(3) === 0) delete port.type;
    else if (type?.case === 'tensorType') type.value.elemType = random.below(30);
  },
  cycle: (model, random) => {
    const nodes = model.graph?.node ?? [];
    const [a, b] = [random.pick(nodes), random.pick(nodes)];
    if (a && b) a.input[random.below(a.input.length)] = b.output[0] ?? '';
  },
  selfLoop: (model, random) => {
    const one = anyNode(model, random);
    one.input[random.below(one.input.length)] = one.output[0] ?? '';
  },
  order: (model) => void model.graph?.node.reverse(),
  swap: (model, random) => {
    const nodes = model.graph?.node ?? [];
    const [i, j] = [random.below(nodes.length), random.below(nodes.length)];
    [nodes[i], nodes[j]] = [nodes[j]!, nodes[i]!];
  },
  dropNode: (model, random) => void model.graph?.node.splice(random.below(model.graph.node.length), 1),
  duplicateName: (model, random) => {
    const one = anyNode(model, random);
    one.output[random.below(one.output.length)] = anyName(model, random);
  },
  otherInput: (model, random) => {
    const one = anyNode(model, random);
    one.input[random.below(one.input.length)] = random.pick([
      anyName(model, random),
      'nobody',
      '',
      '__proto__',
      'constructor',
    ])!;
  },
  inputCount: (model, random) => {
    const one = anyNode(model, random);
    const style = random.below(4);
    if (style === 0) one.input = [];
    else if (style === 1) one.input.pop();
    else if (style === 2) one.input.push(anyName(model, random));
    else one.input = Array<string>(random.pick([30, 2000])!).fill(one.input[0] ?? '');
  },
  outputCount: (model, random) => {
    const one = anyNode(model, random);
    const style = random.below(3);
    if (style === 0) one.output = [];
    else if (style === 1) one.output = one.output.map(() => '');
    else one.output.push(...Array.from({ length: random.pick([1, 5000])! }, (_, i) => `more_${i}`));
  },
  elementType: (model, random) => void (anyTensor(model, random).dataType = random.below(30)),
  tensorBytes: (model, random) => {
    const tensor = anyTensor(model, random);
    const style = random.below(3);
    if (style === 0) tensor.rawData = new Uint8Array(random.below(40));
    else if (style === 1) tensor.rawData = tensor.rawData.map(() => random.below(256));
    else Object.assign(tensor, { rawData: new Uint8Array(), floatData: Array<number>(random.below(100)).fill(NaN) });
  },
  operator: (model, random) => {
    const known = [
      ...Object.keys(gradientRules),
      'Shape',
      'Range',
      'ConstantOfShape',
      'If',
      'Loop',
      'Scan',
      'NonZero',
      'OneHot',
      'Attention',
      'toString',
      '__proto__',
      '',
    ];
    anyNode(model, random).opType = random.pick(known)!;
  },
  domain: (model, random) =>
    void (anyNode(model, random).domain = random.pick(['com.microsoft', 'local', 'ai.onnx', 'ai.onnx.ml', '\0'])!),
  insertOperator: (model, random) =>
    splice(model, random, (value, made) => [
      node(random.pick(Object.keys(gradientRules))!, [value, anyName(model, random)], [made]),
    ]),
  attributeType: (model, random) => {
    const one = anyAttribute(model, random);
    one.type = random.below(16);
    const style = random.below(4);
    if (style === 0) Object.assign(one, { i: 0n, ints: [], s: new Uint8Array(), f: 0 });
    else if (style === 1) one.s = new TextEncoder().encode('SAME_UPPER');
    else if (style === 2) one.f = NaN;
    else one.g = create(GraphProtoSchema);
  },
  attributeValue: (model, random) => {
    const one = anyAttribute(model, random);
    if (one.ints.length > 0) one.ints[random.below(one.ints.length)] = random.pick(extremes)!;
    else if (one.s.length > 0)
      one.s = new TextEncoder().encode(
        random.pick(['', 'nearest', 'SAME_LOWER', 'reflect', '\uffff', 'bij,bjk->bik', 'a'.repeat(100_000)]),
      );
    else if (one.type === AttributeProto_AttributeType.FLOAT)
      one.f = random.pick([NaN, Infinity, -Infinity, 0, -1, 1e38])!;
    else one.i = random.pick(extremes)!;
  },
  attributeLength: (model, random) => {
    const one = anyAttribute(model, random);
    one.type = AttributeProto_AttributeType.INTS;
    one.ints = Array.from({ length: random.pick([0, 1, 3, 9, 50_000])! }, (_, i) => BigInt(i % 7) - 1n);
  },
  dropAttribute: (model, random) => {
    const one = anyNode(model, random);
    one.attribute.splice(random.below(one.attribute.length), 1);
  },
  addAttribute: (model, random) => {
    const name = random.pick(
      'axis axes perm group strides pads kernel_shape dilations keepdims num_outputs blocksize epsilon num_groups split equation mode to auto_pad output_padding output_shape batch_dims allowzero transA'.split(
        ' ',
      ),
    )!;
    const values = Array.from({ length: random.below(6) }, () => random.pick(extremes)!);
    anyNode(model, random).attribute.push(
      random.below(2) ? intAttribute(name, random.pick(extremes)!) : intsAttribute(name, values),
    );
  },
  constants: (model, random) => {
    const integers =
      model.graph?.initializer.filter(({ dataType, rawData }) => dataType === DataType.INT64 && rawData.length > 0) ??
      [];
    const tensor = random.pick(integers);
    if (!tensor) return;
    const values = Array.from({ length: tensor.rawData.length / 8 }, () => random.pick(extremes)!);
    tensor.rawData = int64Tensor('', [values.length], values).rawData;
  },
  enormousShape: (model, random) => {
    const count = random.pick([1, 2, 4, 4000])!;
    const target = addConstant(
      model,
      'enormous',
      Array.from({ length: count }, () => random.pick([1n, 2n ** 20n, 2n ** 40n, 2n ** 62n, -1n])!),
    );
    const scalar = (name: string, value: bigint) => addConstant(model, name, [value], []);
    const kind = random.pick([
      'Expand',
      'Tile',
      'Reshape',
      'Pad',
      'ConstantOfShape',
      'Range',
      'Resize',
      'Slice',
      'Unsqueeze',
      'ReduceSum',
      'Squeeze',
      'Split',
    ])!;
    splice(model, random, (value, made) => {
      if (kind === 'ConstantOfShape') return [node(kind, [target], [made])];
      if (kind === 'Range') return [node(kind, [scalar('r0', 0n), scalar('r1', 2n ** 62n), scalar('r2', 1n)], [made])];
      if (kind === 'Resize') return [node(kind, [value, '', '', target], [made])];
      if (kind === 'Slice') return [node(kind, [value, target, target, target, target], [made])];
      if (kind === 'Split') return [node(kind, [value, target], [made, 'rest'])];
      return [node(kind, [value, target], [made])];
    });
  },
  einsum: (model, random) => {
    const equation = random.pick([
      'ij,jk->ik',
      '...,...->...',
      'i'.repeat(50_000),
      `${'a,'.repeat(20_000)}a->a`,
      '->',
      'ij->ijj',
      ',,,->',
      '.',
      'İ,ß->',
      '...i...->',
    ])!;
    const content = attribute('equation', {
      type: AttributeProto_AttributeType.STRING,
      s: new TextEncoder().encode(equation),
    });
    splice(model, random, (value, made) => [
      node('Einsum', [value, ...Array<string>(random.pick([0, 1, 2000])!).fill(value)], [made], [content]),
    ]);
  },
  doubling: (model, random) => {
    const kind = random.pick(['Concat', 'Mul', 'Add', 'shapes'])!;
    splice(model, random, (value, made) => {
      const steps: NodeProto[] = [];
      let last = value;
      if (kind === 'shapes') steps.push(node('Shape', [value], [(last = 'd_shape')]));
      for (let i = 0; i < 60; i++) {
        const next = i === 59 && kind !== 'shapes' ? made : `d_${i}`;
        const operator = kind === 'shapes' ? random.pick(['Mul', 'Add', 'Concat'])! : kind;
        steps.push(node(operator, [last, last], [next], operator === 'Concat' ? [intAttribute('axis', 0n)] : []));
        last = next;
      }
      if (kind === 'shapes') steps.push(node('Reshape', [value, last], [made]));
      return steps;
    });
  },
  longChain: (model, random) =>
    splice(model, random, (value, made) => {
      const count = 3000;
      const operator = random.pick(['Relu', 'Identity', 'Neg', 'Sqrt'])!;
      return Array.from({ length: count }, (_, i) =>
        node(operator, [i === 0 ? value : `c_${i - 1}`], [i === count - 1 ? made : `c_${i}`]),
      );
    }),
  manyPorts: (model, random) => {
    const port = random.pick(model.graph?.input ?? []);
    if (!model.graph || !port) return;
    const ports = Array.from({ length: 5000 }, (_, i) =>
      Object.assign(create(ValueInfoProtoSchema), port, { name: `port_${i}` }),
    );
    model.graph.input.push(...ports);
    if (random.below(2)) model.graph.output.push(...ports);
  },
  nesting: (model, random) => {
    addConstant(model, 'condition', [1n], []);
    splice(model, random, (_value, made) => [
      node(
        'If',
        ['condition'],
        [made],
        [graphAttribute('then_branch', nested(random.pick([3, 20, 26])!)), graphAttribute('else_branch', nested(1))],
      ),
    ]);
  },
  functionCycle: (model, random) => addFunctions(model, random, (i) => [random.pick([i, (i + 1) % 30, 0])!]),
  functionExplosion: (model, random) => addFunctions(model, random, (i) => (i < 29 ? [i + 1, i + 1, i + 1] : [])),
  external: (model, random) => {
    const tensor = anyTensor(model, random);
    const entry = (key: string, value: string) => create(StringStringEntryProtoSchema, { key, value });
    tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
    tensor.externalData = [
      entry('location', random.pick(evilLocations)!),
      ...(random.below(2)
        ? [entry('offset', random.pick(['0', '-1', '1e9', '9'.repeat(30), '4096', String(2 ** 52)])!)]
        : []),
      ...(random.below(2) ? [entry('length', random.pick(['0', '-1', '16', '1000000', String(2 ** 52)])!)] : []),
    ];
  },
  opset: (model, random) => {
    const version = random.pick([...extremes, 9n, 12n, 13n, 18n, 23n, 25n])!;
    const first = random.pick(model.opsetImport);
    if (first) first.version = version;
    if (random.below(4) === 0) model.opsetImport = [];
  },
  outputs: (model, random) => {
    if (!model.graph) return;
    const style = random.below(4);
    if (style === 0) model.graph.output = [];
    else if (style === 1) model.graph.input = [];
    else if (style === 2) model.graph.output.push(...model.graph.output);
    else for (const port of model.graph.output) port.name = anyName(model, random);
  },
  longName: (model, random) => {
    const name = random.pick(['n'.repeat(1_000_000), '\n\u0000\u202e', '💥', ''])!;
    const one = anyNode(model, random);
    if (random.below(2)) one.name = name;
    else one.output[0] = name;
  },
};

type ByteMutation = (bytes: Uint8Array, random: Random) => Uint8Array;

/** Mutations that know nothing. */
export const bytewise: Readonly<Record<string, ByteMutation>> = {
  bits: (bytes, random) => {
    const changed = bytes.slice();
    for (let i = random.below(8); i >= 0; i--) {
      const at = random.below(bytes.length);
      changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
    }
    return changed;
  },
  run: (bytes, random) => {
    const at = random.below(bytes.length);
    return bytes.slice().fill(random.pick([0, 0xff, 0x80, 10])!, at, at + random.below(100));
  },
  truncate: (bytes, random) => bytes.slice(0, random.below(bytes.length)),
  insert: (bytes, random) => {
    const at = random.below(bytes.length);
    const added = Uint8Array.from({ length: 1 + random.below(20) }, () => random.below(256));
    return Uint8Array.from([...bytes.subarray(0, at), ...added, ...bytes.subarray(at)]);
  },
  remove: (bytes, random) => {
    const at = random.below(bytes.length);
    return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + 1 + random.below(50))]);
  },
  double: (bytes, random) => {
    const [from, to] = [random.below(bytes.length), random.below(bytes.length)];
    return Uint8Array.from([...bytes.subarray(0, to), ...bytes.subarray(from)]);
  },
};

export interface Mutant {
  /** `duplicateName of gmm_analytic.onnx`. */
  readonly title: string;
  readonly bytes: Uint8Array;
}

/** The n-th mutant of a list of models; the same n always gives the same one. */
export function mutant(seeds: readonly { readonly name: string; readonly bytes: Uint8Array }[], n: number): Mutant {
  const random = new Random(n + 1);
  const seed = random.pick(seeds)!;
  if (random.below(4) === 0) {
    const kind = random.pick(Object.keys(bytewise))!;
    return { title: `${kind} of ${seed.name}`, bytes: bytewise[kind]!(seed.bytes, random) };
  }
  const model = fromBinary(ModelProtoSchema, seed.bytes.slice());
  const kinds: string[] = [];
  for (let i = random.pick([0, 0, 0, 1, 2])!; i >= 0; i--) {
    const kind = random.pick(Object.keys(structured))!;
    structured[kind]!(model, random);
    kinds.push(kind);
  }
  return { title: `${kinds.join(', ')} of ${seed.name}`, bytes: toBinary(ModelProtoSchema, model) };
}
