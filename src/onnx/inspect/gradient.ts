import { isFloat } from '../dtype';
import type { GraphBuilder } from '../builder';
import { UnsupportedOperatorError, type OnnxError } from '../errors';
import type { NodeProto } from '../generated/onnx_pb';
import { initialiserNames } from '../header';
import { locate, type OnnxModel } from '../model';
import { valuesRead } from '../scopes';
import { reversePass } from '../vjp';
import { pathThrough, reachedFrom, type GraphPath } from './path';

/** Nodes of one operator that stop a derivative for the same kind of reason. */
export interface Blocker {
  readonly operator: string;
  readonly code: 'unsupported-operator' | 'unsupported-variant' | 'unknown-shape';
  /** One sentence about the first of the nodes. */
  readonly reason: string;
  readonly nodes: readonly string[];
  /** Inputs whose gradient needs one of the nodes. */
  readonly inputs: readonly string[];
  /** From an input to an output through the first node; null where none was found. */
  readonly path: GraphPath | null;
}

/** Whether the derivative with respect to an input can be built, and if not, why. */
export interface InputGradient {
  readonly name: string;
  readonly differentiable: 'yes' | 'blocked' | 'no';
  /** null for `yes` */
  readonly reason: string | null;
}

export interface GradientReport {
  readonly inputs: readonly InputGradient[];
  readonly blockers: readonly Blocker[];
}

type Refused = ReadonlyMap<NodeProto, OnnxError>;

/**
 * Tries the gradient of all float inputs and goes on behind every node that refuses it, so that all of them are found.
 *
 * @throws OnnxError for a graph that is broken elsewhere (nodes that read each other in a circle, say)
 */
export function gradientReport(model: OnnxModel): GradientReport {
  const refused = new Map<NodeProto, OnnxError>();
  const { b, inputs, onPath, gradients } = reversePass(model, {}, (node, error) => {
    if (!refused.has(node)) refused.set(node, error);
  });
  const reached = new Map(inputs.map((input) => [input, reachedFrom(b.nodes, input, onPath.nodes)]));
  const blockers = group(b, model, refused, reached, onPath.active);
  const initialisers = initialiserNames(model.graph);
  const ports = model.graph.input.map(({ name }) => name).filter((name) => !initialisers.has(name));
  const report = ports.map((name): InputGradient => {
    if (!inputs.includes(name)) return { name, differentiable: 'no', reason: notFloat(b, name) };
    const blocker = blockers.find((candidate) => candidate.inputs.includes(name));
    if (blocker) return { name, differentiable: 'blocked', reason: `${blocker.operator} has no gradient here` };
    if (gradients.of(name) !== undefined) return { name, differentiable: 'yes', reason: null };
    return { name, differentiable: 'no', reason: notReached(b, name) };
  });
  return { inputs: report, blockers };
}

/** Unknown shapes behind a refused operator are its consequence, so they are told only when there is nothing else. */
function group(
  b: GraphBuilder,
  model: OnnxModel,
  refused: Refused,
  reached: ReadonlyMap<string, ReadonlySet<NodeProto>>,
  active: ReadonlySet<string>,
): Blocker[] {
  const isCause = (error: OnnxError): boolean => error instanceof UnsupportedOperatorError;
  const anyCause = [...refused.values()].some(isCause);
  const groups = new Map<string, { error: OnnxError; nodes: NodeProto[] }>();
  for (const node of b.source.graph.node) {
    const error = refused.get(node);
    if (error === undefined || (anyCause && !isCause(error))) continue;
    const key = `${locate(node).operator} ${error.code}`;
    const known = groups.get(key);
    if (known) known.nodes.push(node);
    else groups.set(key, { error, nodes: [node] });
  }
  return [...groups.values()].map(({ error, nodes: [first, ...others] }): Blocker => {
    const nodes = first ? [first, ...others] : others;
    return {
      operator: first ? locate(first).operator : '',
      code: codeOf(error),
      reason: error.message.replace(`${b.source.label}: `, ''),
      nodes: nodes.map((node) => node.name || (node.output[0] ?? '')),
      inputs: [...reached].filter(([, set]) => nodes.some((node) => set.has(node))).map(([input]) => input),
      path: first ? pathThrough(model.graph, b.source.graph, first, [...reached.keys()], active) : null,
    };
  });
}

function codeOf({ code }: OnnxError): Blocker['code'] {
  return code === 'unsupported-operator' || code === 'unsupported-variant' ? code : 'unknown-shape';
}

function notFloat(b: GraphBuilder, name: string): string {
  const { type } = b.factsOf(name);
  return isFloat(type) ? 'no float output depends on it' : 'it holds integers, which have no derivative';
}

/** A float input without a gradient: nothing reads it, or what reads it has the derivative zero (a cast, a comparison). */
function notReached(b: GraphBuilder, name: string): string {
  const readers = b.source.graph.node.filter((node) => valuesRead(node).includes(name));
  if (readers.length === 0) return 'nothing reads it';
  const operators = [...new Set(readers.map((node) => locate(node).operator))].join(', ');
  return `its way to the output leads through operators without a derivative (it feeds ${operators})`;
}
