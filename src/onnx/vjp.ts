import { intAttribute } from './attributes';
import { GraphBuilder } from './builder';
import { fuseChannelAffine } from './channel-affine';
import { controlFlowAdvice } from './control-flow';
import { DataType, isFloat } from './dtype';
import { OnnxError, UnsupportedOperatorError } from './errors';
import { expandNodes, expansionFor } from './expansions';
import { fileAdvice } from './file-advice';
import type { NodeProto } from './generated/onnx_pb';
import { guardNode } from './guard';
import { initialiserNames } from './header';
import { describeNode, isDefaultDomain, locate, operatorName, type OnnxModel } from './model';
import { prepareModel } from './prepare';
import { attempt, raise, type Refusal } from './refusal';
import { rematerialise } from './rematerialise';
import { scheduleNodes } from './schedule';
import { ruleFor } from './rules';
import { requireFloats } from './rules/quantisation';
import { Site, type Rule } from './rules/rule';
import { isDifferentiable } from './rules/unary';
import { valuesRead } from './scopes';

export interface VjpOptions {
  /** Outputs to differentiate; all float outputs by default. */
  readonly outputs?: readonly string[];
  /** Float inputs to differentiate with respect to; all float inputs by default. */
  readonly inputs?: readonly string[];
  /** Name of the new input that holds an output's cotangent; `<output>_cotangent` by default. */
  readonly cotangentName?: (output: string) => string;
  /** Name of the new output that holds an input's gradient; `<input>_gradient` by default. */
  readonly gradientName?: (input: string) => string;
}

/**
 * Reverse-mode differentiation of a graph: the given model plus nodes that compute the vector–Jacobian product
 * ∂/∂input Σ_outputs ⟨output, cotangent⟩. The forward outputs are kept, weights get no gradient, and inputs that no
 * derivative reaches get zeros.
 *
 * @throws UnsupportedOperatorError for a node between input and output that has no rule
 */
export function buildVjpGraph(given: OnnxModel, options: VjpOptions = {}): OnnxModel {
  const { b, inputs, cotangents, gradients } = reversePass(given, options, raise);
  const { node: forward, output: ports } = b.source.graph;
  for (const output of ports) b.addOutputPort(output);
  const names = inputs.map((input) => {
    const gradient = gradients.of(input) ?? b.fullLike(input);
    b.assumeShapeOf(gradient, input);
    const name = b.claim((options.gradientName ?? ((value) => `${value}_gradient`))(input));
    b.alias(gradient, name);
    b.assumeShapeOf(name, input);
    b.addOutput(name);
    return name;
  });
  // Gradients of times and labels first: they sum over images that would otherwise have to wait.
  const rank = (value: string) => b.shapeOf(value)?.length ?? Infinity;
  const finished = [...ports.map(({ name }) => name), ...names.toSorted((p, q) => rank(p) - rank(q))];
  const nodes = rematerialise(b, forward.length);
  return b.build(
    b.source.label,
    scheduleNodes(nodes, cotangents, finished, (value) => rank(value) <= 2),
  );
}

/**
 * The forward graph with the backward nodes behind it, and what came out of them. The ports of the new graph are
 * `buildVjpGraph`'s business; `inspect` wants to know only where the derivative stops.
 */
export function reversePass(given: OnnxModel, options: VjpOptions, refuse: Refusal) {
  const prepared = tracePath(fuseChannelAffine(prepareModel(given)), options);
  const composite = new Set([...prepared.onPath.nodes].filter((node) => expansionFor(node) !== undefined));
  const { b, inputs, outputs, onPath } =
    composite.size > 0 ? tracePath(expandNodes(prepared.b.source, composite, refuse), options) : prepared;
  const { graph } = b.source;
  // All rules first: behind an unknown operator types are unknown too, and it is the operator that has to be named.
  for (const node of onPath.nodes) requireRule(b, node, refuse);
  const gradients = new Gradients(b);
  const cotangents = outputs.map((output) => {
    const name = (options.cotangentName ?? ((value) => `${value}_cotangent`))(output);
    const cotangent = b.addInput(b.claim(name), b.typeOf(output), b.shapeOf(output));
    gradients.add(output, cotangent);
    return cotangent;
  });
  for (const node of graph.node.toReversed()) {
    if (onPath.nodes.has(node)) differentiate(b, node, onPath.active, gradients, refuse);
  }
  return { b, inputs, cotangents, onPath, gradients };
}

/** The graph in a builder, the ports to differentiate, and the nodes between them. */
function tracePath(model: OnnxModel, options: VjpOptions) {
  const { graph } = model;
  const b = new GraphBuilder(model);
  b.includeInputs(graph);
  b.include(graph);
  // An output of unknown type may be a float: better an error further down than a gradient that is silently zero.
  const floatNames = (values: readonly { name: string }[], given?: readonly string[]) =>
    given ?? values.map(({ name }) => name).filter((name) => mayBeFloat(b.factsOf(name).type));
  const initialisers = initialiserNames(graph);
  const inputs = floatNames(
    graph.input.filter(({ name }) => !initialisers.has(name)),
    options.inputs,
  );
  const outputs = floatNames(graph.output, options.outputs);
  checkNames(model, inputs, outputs);
  return { b, inputs, outputs, onPath: nodesOnPath(b, inputs, outputs) };
}

function checkNames(model: OnnxModel, inputs: readonly string[], outputs: readonly string[]): void {
  const check = (kind: string, names: readonly string[], known: readonly { name: string }[]) => {
    for (const name of names) {
      if (known.some((value) => value.name === name)) continue;
      const list = known.map((value) => `"${value.name}"`).join(', ');
      throw new OnnxError('ports', `${model.label} has no ${kind} "${name}"; its ${kind}s are ${list}.`);
    }
  };
  check('input', inputs, model.graph.input);
  check('output', outputs, model.graph.output);
}

function mayBeFloat(type: DataType): boolean {
  return type === DataType.UNDEFINED || isFloat(type);
}

/** The cotangents collected so far; a value that several nodes read gets the sum of what they send back. */
class Gradients {
  private readonly sums = new Map<string, string>();

  constructor(private readonly b: GraphBuilder) {}

  of(value: string): string | undefined {
    return this.sums.get(value);
  }

  add(value: string, gradient: string): void {
    const sum = this.sums.get(value);
    const total = sum === undefined ? gradient : this.b.add(sum, gradient);
    this.b.assumeShapeOf(total, value);
    this.sums.set(value, total);
  }
}

/**
 * The nodes that a derivative passes through: reached from a wanted input and leading to a wanted output. `active`
 * holds the values reached from the inputs; everything else (shapes, masks, time tables) stays a forward node.
 */
function nodesOnPath(b: GraphBuilder, inputs: readonly string[], outputs: readonly string[]) {
  const active = new Set(inputs);
  const reached: NodeProto[] = [];
  for (const node of b.nodes) {
    if (!valuesRead(node).some((name) => active.has(name))) continue;
    // Integers that stand for floats carry derivatives too, whatever is done to them: straight through, or refused.
    const quantised =
      /^(Dynamic)?QuantizeLinear$/.test(node.opType) ||
      node.input.some((name) => active.has(name) && !mayBeFloat(b.factsOf(name).type));
    const castTo = node.opType === 'Cast' && !quantised ? intAttribute(node, 'to', 0) : undefined;
    if (isDefaultDomain(node.domain) && !isDifferentiable(node.opType, castTo)) continue;
    reached.push(node);
    for (const output of node.output) {
      if (quantised || mayBeFloat(b.factsOf(output).type)) active.add(output);
    }
  }
  const useful = new Set(outputs);
  const nodes = new Set<NodeProto>();
  for (const node of reached.toReversed()) {
    if (!node.output.some((name) => useful.has(name) && active.has(name))) continue;
    nodes.add(node);
    for (const name of valuesRead(node)) if (active.has(name)) useful.add(name);
  }
  return { nodes, active };
}

function requireRule(b: GraphBuilder, node: NodeProto, refuse: Refusal): Rule | undefined {
  const rule = isDefaultDomain(node.domain) ? ruleFor(node.opType) : undefined;
  if (rule === undefined) {
    const message =
      `${b.source.label}: the operator ${operatorName(node)} has no gradient rule, and ${describeNode(node)} is on the way from the ` +
      `input to the output (it feeds "${node.output[0] ?? ''}"); ` +
      `${controlFlowAdvice(b, node) ?? fileAdvice(node) ?? 'use a learning method without gradients, or export the model without this operator'}.`;
    refuse(node, new UnsupportedOperatorError('unsupported-operator', message, locate(node)));
  }
  return rule;
}

function differentiate(
  b: GraphBuilder,
  node: NodeProto,
  active: ReadonlySet<string>,
  gradients: Gradients,
  refuse: Refusal,
): void {
  const cotangents = node.output.map((name) => gradients.of(name));
  if (cotangents.every((cotangent) => cotangent === undefined)) return;
  const rule = requireRule(b, node, refuse);
  const wanted = node.input.map((name) => active.has(name));
  const apply = (site: Site) => {
    requireFloats(site);
    return rule?.(site);
  };
  const results = attempt(
    () => guardNode(() => apply(new Site(b, node, cotangents, wanted)), node, b.source.label),
    node,
    refuse,
  );
  node.input.forEach((name, i) => {
    // Behind a refused node any value of the right shape does: the graph will not be built.
    const gradient = results ? results[i] : name;
    if (gradient !== undefined && wanted[i]) gradients.add(name, gradient);
  });
}
