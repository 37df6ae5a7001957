import { GraphBuilder } from '../builder';
import { isStatic } from '../dims';
import type { DataType } from '../dtype';
import { expansionFor } from '../expansions';
import type { NodeProto } from '../generated/onnx_pb';
import { initialiserNames } from '../header';
import type { OnnxModel } from '../model';
import { attempt } from '../refusal';
import { Operation } from '../rules/rule';
import type { ValueFacts } from '../shapes';
import { elementBits } from '../tensors';
import { executionOrder } from './execution-order';

/** A node that runs, with what it consists of. */
export interface StaticNode {
  readonly node: NodeProto;
  /** The node itself, or what a composite operator is written out as. */
  readonly primitives: readonly NodeProto[];
}

/** The part of a graph that runs for each sample: without constants and without what no output needs. */
export interface StaticGraph {
  /** In the order of execution. */
  readonly nodes: readonly StaticNode[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly isConstant: (value: string) => boolean;
  readonly factsOf: (value: string) => ValueFacts;
}

/** Follows a model whose input sizes are known; composite operators without a shape rule are written out for theirs. */
export function staticGraph(model: OnnxModel): StaticGraph {
  const { graph } = model;
  const b = new GraphBuilder(model);
  b.includeInputs(graph);
  b.includeValues(graph);
  const nodes = graph.node.map((node): StaticNode => {
    const expand = expansionFor(node);
    const before = b.nodes.length;
    const values =
      expand &&
      attempt(
        () => expand(new Operation(b, node)),
        node,
        () => undefined,
      );
    if (values === undefined) {
      b.addNode(node);
      return { node, primitives: [node] };
    }
    const primitives = b.nodes.slice(before);
    node.output.forEach((name, i) => {
      const value = values[i];
      if (name !== '' && value !== undefined) b.alias(value, name);
    });
    return { node, primitives };
  });
  const initialisers = initialiserNames(graph);
  return running(b, nodes, {
    inputs: graph.input.map(({ name }) => name).filter((name) => !initialisers.has(name)),
    outputs: graph.output.map(({ name }) => name),
  });
}

/** Leaves out what is constant (ONNX Runtime folds it when it loads the graph) and what no output depends on. */
function running(
  b: GraphBuilder,
  all: readonly StaticNode[],
  ports: Pick<StaticGraph, 'inputs' | 'outputs'>,
): StaticGraph {
  const varying = new Set(ports.inputs);
  for (const node of all.flatMap(({ node: whole, primitives }) => [...primitives, whole])) {
    const depends = node.input.some((name) => varying.has(name)) || drawsNumbers.has(node.opType);
    if (!depends) continue;
    for (const name of node.output) if (name !== '' && !isKnown(b.factsOf(name))) varying.add(name);
  }
  const needed = new Set(ports.outputs);
  const nodes = all.toReversed().filter(({ node }) => {
    if (!node.output.some((name) => needed.has(name) && varying.has(name))) return false;
    for (const name of node.input) needed.add(name);
    return true;
  });
  return {
    ...ports,
    nodes: executionOrder(nodes.reverse()),
    isConstant: (value) => !varying.has(value),
    factsOf: (value) => b.factsOf(value),
  };
}

const drawsNumbers: ReadonlySet<string> = new Set([
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
  'Multinomial',
  'Bernoulli',
]);

/** With all sizes set, shape arithmetic has known elements. */
function isKnown({ elements }: ValueFacts): boolean {
  return elements?.every((element) => typeof element === 'number') ?? false;
}

/** Elements of a value, or undefined when its shape is not known. */
export function elementsOf({ shape }: ValueFacts): number | undefined {
  return shape && isStatic(shape) ? shape.reduce((product, size) => product * size, 1) : undefined;
}

/** Bytes of an element, a float32's for types of no fixed size. */
export function elementBytes(type: DataType): number {
  return (elementBits[type] ?? 32) / 8;
}
