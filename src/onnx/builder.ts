import { create } from '@bufbuild/protobuf';
import { attributeProto, type Attributes } from './attributes';
import { mostDimensions } from './check-graph';
import { checkNode } from './check-node';
import { sameShape, type Dim, type Shape } from './dims';
import { DataType } from './dtype';
import { OnnxError } from './errors';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  type GraphProto,
  type NodeProto,
  type SparseTensorProto,
  type TensorProto,
  type ValueInfoProto,
} from './generated/onnx_pb';
import { guardNode } from './guard';
import { initialiserNames } from './header';
import { describeNode, locate, wrapModel, type OnnxModel } from './model';
import { valuesRead } from './scopes';
import { inferNode, sparseFacts, tensorFacts, unknownFacts, type ValueFacts } from './shapes';
import { floatTensor, int64Tensor, isFilledWith } from './tensors';
import { declaredFacts, makePort, mergeFacts, soundFacts } from './value-facts';

/**
 * Grows a graph node by node and knows the facts (type, shape, constant elements) of every value in it. New values
 * and nodes are named `s4s_<operator>_<n>`, made unique, in order of creation: the same calls give the same bytes.
 */
export class GraphBuilder {
  readonly nodes: NodeProto[] = [];
  private readonly initialisers: TensorProto[] = [];
  private readonly sparse: GraphProto['sparseInitializer'] = [];
  private readonly inputs: ValueInfoProto[] = [];
  private readonly outputs: ValueInfoProto[] = [];
  private readonly valueInfo: ValueInfoProto[] = [];
  private readonly facts = new Map<string, ValueFacts>();
  private readonly declared = new Map<string, ValueFacts>();
  private readonly names = new Set<string>();
  /** The number behind the next value that wants a name which is taken. */
  private readonly numbers = new Map<string, number>();
  private readonly producers = new Map<string, NodeProto>();
  private readonly stored = new Map<string, TensorProto>();
  private readonly constants = new Map<string, string>();
  private sourceReaders: ReadonlyMap<string, readonly NodeProto[]> | undefined;
  private counter = 0;

  /** @param source the model that the new graph starts from: its operator set, IR version and metadata are kept. */
  constructor(readonly source: OnnxModel) {
    for (const name of usedNames(source.graph)) this.names.add(name);
  }

  get opset(): number {
    return this.source.opset;
  }

  // --- what the graph is made of -----------------------------------------------------------------------------------

  /** Takes over weights, declared value types and nodes of a graph; its ports are left to the caller. */
  include(graph: GraphProto): void {
    this.includeValues(graph);
    for (const node of graph.node) {
      checkNode(node, this.inputFacts(node), this.source.label);
      this.addNode(node);
    }
  }

  /** Takes over weights and declared value types; ports and nodes are left to the caller. */
  includeValues(graph: GraphProto): void {
    for (const tensor of graph.initializer) this.addInitialiser(tensor);
    for (const tensor of graph.sparseInitializer) this.addSparseInitialiser(tensor);
    for (const value of graph.valueInfo) {
      this.valueInfo.push(value);
      this.declared.set(value.name, declaredFacts(value));
    }
    for (const output of graph.output) this.declared.set(output.name, declaredFacts(output));
  }

  /** Inputs without the initialisers that old files list among them. */
  includeInputs(graph: GraphProto): void {
    const initialisers = initialiserNames(graph);
    for (const input of graph.input) if (!initialisers.has(input.name)) this.addInputPort(input);
  }

  addInput(name: string, type: DataType, shape: Shape | null): string {
    this.addInputPort(makePort(name, type, shape));
    return name;
  }

  addInputPort(value: ValueInfoProto): void {
    this.inputs.push(value);
    this.names.add(value.name);
    this.facts.set(value.name, declaredFacts(value));
  }

  addOutput(name: string): void {
    const { type, shape } = this.factsOf(name);
    this.outputs.push(makePort(name, type, shape));
  }

  addOutputPort(value: ValueInfoProto): void {
    this.outputs.push(value);
  }

  addInitialiser(tensor: TensorProto): void {
    this.initialisers.push(tensor);
    this.names.add(tensor.name);
    this.stored.set(tensor.name, tensor);
    this.facts.set(tensor.name, tensorFacts(tensor));
  }

  private addSparseInitialiser(tensor: SparseTensorProto): void {
    const name = tensor.values?.name ?? '';
    this.sparse.push(tensor);
    this.names.add(name);
    this.facts.set(name, sparseFacts(tensor));
  }

  addNode(node: NodeProto): void {
    this.nodes.push(node);
    const inferred = guardNode(() => inferNode(node, this.inputFacts(node), this.opset), node, this.source.label);
    const deepest = inferred.find(({ shape }) => (shape?.length ?? 0) > mostDimensions);
    if (deepest) {
      const message = `${this.source.label}: ${describeNode(node)} makes a value of ${deepest.shape?.length} dimensions, and more than ${mostDimensions} make no sense; export the model again.`;
      throw new OnnxError('invalid-graph', message, locate(node));
    }
    node.output.forEach((name, i) => {
      this.names.add(name);
      this.producers.set(name, node);
      this.facts.set(name, soundFacts(mergeFacts(inferred[i] ?? unknownFacts, this.declared.get(name))));
    });
  }

  /** @param nodes where they are not to be the builder's own in order of creation */
  build(label: string, nodes: readonly NodeProto[] = this.nodes): OnnxModel {
    const { proto, graph } = this.source;
    return wrapModel(
      create(ModelProtoSchema, {
        irVersion: proto.irVersion,
        opsetImport: proto.opsetImport,
        producerName: 's4s-studio',
        functions: proto.functions,
        graph: create(GraphProtoSchema, {
          name: graph.name,
          node: [...nodes],
          initializer: this.initialisers,
          sparseInitializer: this.sparse,
          input: this.inputs,
          output: this.outputs,
          valueInfo: this.valueInfo,
        }),
      }),
      label,
      this.source.weights,
    );
  }

  // --- what is known of a value ------------------------------------------------------------------------------------

  private inputFacts(node: NodeProto): ValueFacts[] {
    return node.input.map((name) => this.factsOf(name));
  }

  factsOf(value: string): ValueFacts {
    return this.facts.get(value) ?? unknownFacts;
  }

  /** The node that makes a value; undefined for ports and weights. */
  producerOf(value: string): NodeProto | undefined {
    return this.producers.get(value);
  }

  /** The nodes of the graph that the builder starts from that read a value (and the graph's end, as one without outputs). */
  sourceReadersOf(value: string): readonly NodeProto[] {
    this.sourceReaders ??= readers(this.source.graph);
    return this.sourceReaders.get(value) ?? [];
  }

  /** Whether a value is stored in the file (a weight or a constant). */
  isInitialiser(value: string): boolean {
    return this.stored.has(value);
  }

  /** Whether a value is a constant with one number in all elements, however many (facts hold only small constants). */
  isFilledWith(value: string, number: number): boolean {
    const elements = this.factsOf(value).elements;
    if (elements !== undefined) return elements.every((element) => element === number);
    const tensor = this.stored.get(value);
    return tensor !== undefined && isFilledWith(tensor, number);
  }

  shapeOf(value: string): Shape | null {
    return this.factsOf(value).shape;
  }

  dimOf(value: string, axis: number): Dim {
    return this.shapeOf(value)?.[axis] ?? null;
  }

  /** The rank, or a clear error: backward nodes need it for axes and permutations. */
  rankOf(value: string): number {
    const shape = this.shapeOf(value);
    if (shape !== null) return shape.length;
    throw new OnnxError(
      'unknown-shape',
      `${this.source.label}: the number of dimensions of "${value}" cannot be worked out from the file; ` +
        'run ONNX shape inference on the model and try again.',
    );
  }

  typeOf(value: string): DataType {
    const { type } = this.factsOf(value);
    if (type !== DataType.UNDEFINED) return type;
    throw new OnnxError(
      'unknown-shape',
      `${this.source.label}: the element type of "${value}" cannot be worked out from the file; ` +
        'run ONNX shape inference on the model and try again.',
    );
  }

  /** Records that `value` has the shape of `like` (a gradient has the shape of what it is the gradient of). */
  assumeShapeOf(value: string, like: string): void {
    const known = this.factsOf(value);
    const shape = this.shapeOf(like);
    if (shape !== null && !(known.shape && sameShape(known.shape, shape))) this.facts.set(value, { ...known, shape });
  }

  // --- new nodes ---------------------------------------------------------------------------------------------------

  /** Emits a node with one output and returns the output's name. Trailing undefined inputs are left out. */
  emit(operator: string, inputs: readonly (string | undefined)[], attributes: Attributes = {}): string {
    return this.emitMany(operator, inputs, 1, attributes)[0] ?? '';
  }

  emitMany(
    operator: string,
    inputs: readonly (string | undefined)[],
    count: number,
    attributes: Attributes = {},
  ): string[] {
    const base = this.fresh(operator);
    const output = Array.from({ length: count }, (_, i) => (i === 0 ? base : this.claim(`${base}_${i}`)));
    const input = inputs.map((name) => name ?? '');
    while (input.at(-1) === '') input.pop();
    const attribute = Object.entries(attributes).flatMap(([name, value]) =>
      value === undefined ? [] : [attributeProto(name, value)],
    );
    this.addNode(create(NodeProtoSchema, { opType: operator, name: base, input, output, attribute }));
    return output;
  }

  /** Gives an existing value a public name. */
  alias(value: string, name: string): string {
    this.addNode(
      create(NodeProtoSchema, { opType: 'Identity', name: this.fresh('Identity'), input: [value], output: [name] }),
    );
    return name;
  }

  /** A one-dimensional int64 constant. */
  ints(values: readonly (number | bigint)[]): string {
    return this.constant(`i:${values.join()}`, (name) => int64Tensor(name, [values.length], values));
  }

  /** An int64 constant without dimensions. */
  int(value: number | bigint): string {
    return this.constant(`i0:${value}`, (name) => int64Tensor(name, [], [value]));
  }

  /** A constant without dimensions, of the type of `like`. */
  scalar(value: number, like: string): string {
    return this.floats([], [value], this.typeOf(like));
  }

  floats(dims: readonly number[], values: readonly number[], type: DataType): string {
    return this.constant(`f${type}:${dims.join()}:${values.join()}`, (name) => floatTensor(name, type, dims, values));
  }

  private constant(key: string, make: (name: string) => TensorProto): string {
    let name = this.constants.get(key);
    if (name === undefined) {
      name = this.fresh('constant');
      this.constants.set(key, name);
      this.addInitialiser(make(name));
    }
    return name;
  }

  /** An unused name; the counter runs over all kinds, so names also tell the order. */
  fresh(kind: string): string {
    return this.claim(`s4s_${kind}_${++this.counter}`);
  }

  isFree(name: string): boolean {
    return !this.names.has(name);
  }

  /** The wanted name, or the first free one with a number behind it. */
  claim(wanted: string): string {
    let name = wanted;
    if (this.names.has(name)) {
      // Going on from the last number keeps thousands of equal wishes (nodes without a name) linear.
      let number = this.numbers.get(wanted) ?? 2;
      while (this.names.has(`${wanted}_${number}`)) number += 1;
      this.numbers.set(wanted, number + 1);
      name = `${wanted}_${number}`;
    }
    this.names.add(name);
    return name;
  }

  add = (a: string, b: string): string => this.emit('Add', [a, b]);
  sub = (a: string, b: string): string => this.emit('Sub', [a, b]);
  mul = (a: string, b: string): string => this.emit('Mul', [a, b]);
  div = (a: string, b: string): string => this.emit('Div', [a, b]);
  neg = (a: string): string => this.emit('Neg', [a]);
  scale = (a: string, factor: number): string => (factor === 1 ? a : this.mul(a, this.scalar(factor, a)));
  shape = (a: string): string => this.emit('Shape', [a]);

  transpose(value: string, perm: readonly number[]): string {
    return perm.every((axis, i) => axis === i) ? value : this.emit('Transpose', [value], { perm });
  }

  reshape(value: string, target: readonly number[]): string {
    return this.emit('Reshape', [value, this.ints(target)]);
  }

  /** Reshapes to the shape of another value, by a constant where at most one dimension is dynamic. */
  reshapeLike(value: string, like: string): string {
    const [from, to] = [this.shapeOf(value), this.shapeOf(like)];
    if (from && to && sameShape(from, to)) return value;
    const open = to?.filter((dim) => typeof dim !== 'number').length;
    if (to && open !== undefined && open <= 1 && !to.includes(0)) {
      const result = this.reshape(
        value,
        to.map((dim) => (typeof dim === 'number' ? dim : -1)),
      );
      this.assumeShapeOf(result, like);
      return result;
    }
    const result = this.emit('Reshape', [value, this.shape(like)]);
    this.assumeShapeOf(result, like);
    return result;
  }

  expandLike(value: string, like: string): string {
    const [from, to] = [this.shapeOf(value), this.shapeOf(like)];
    if (from && to && sameShape(from, to)) return value;
    const result = this.emit('Expand', [value, this.shape(like)]);
    this.assumeShapeOf(result, like);
    return result;
  }

  /** Zeros (or another value) in the shape of `like`. */
  fullLike(like: string, value = 0): string {
    return this.expandLike(this.scalar(value, like), like);
  }

  reduceSum(value: string, axes: readonly number[], keepdims: boolean): string {
    return this.emit('ReduceSum', [value, this.ints(axes)], { keepdims: Number(keepdims) });
  }

  /** The mean over axes, which stay with size one. */
  reduceMean(value: string, axes: readonly number[]): string {
    return this.emit('ReduceMean', [value, this.ints(axes)], { keepdims: 1 });
  }

  /** Halves, thirds, … along an axis. */
  splitEqually(value: string, parts: number, axis: number): string[] {
    return this.emitMany('Split', [value], parts, { axis, num_outputs: parts });
  }
}

function readers(graph: GraphProto): Map<string, NodeProto[]> {
  const map = new Map<string, NodeProto[]>();
  const end = create(NodeProtoSchema, { input: graph.output.map(({ name }) => name) });
  for (const node of [...graph.node, end]) {
    for (const name of new Set(valuesRead(node))) {
      const known = map.get(name);
      if (known) known.push(node);
      else map.set(name, [node]);
    }
  }
  return map;
}

function usedNames(graph: GraphProto): Set<string> {
  const names = new Set<string>(
    [...graph.input, ...graph.output, ...graph.valueInfo, ...graph.initializer].map((value) => value.name),
  );
  for (const node of graph.node) for (const name of [node.name, ...node.input, ...node.output]) names.add(name);
  return names;
}
