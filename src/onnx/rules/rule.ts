import type { GraphBuilder } from '../builder';
import { normaliseAxis } from '../dims';
import { UnsupportedOperatorError } from '../errors';
import type { NodeProto } from '../generated/onnx_pb';
import { describeNode, locate } from '../model';
import { constantElements } from '../shapes';

/**
 * A gradient rule: emits the backward nodes of one forward node and returns the cotangents of its inputs, in order;
 * undefined for those that have none or are not wanted.
 */
export type Rule = (site: Site) => (string | undefined)[];

/** Rules by operator of the default domain. */
export type RuleTable = Readonly<Record<string, Rule>>;

/** A node of the graph, seen with what the builder knows of its inputs. */
export class Operation {
  constructor(
    readonly b: GraphBuilder,
    readonly node: NodeProto,
  ) {}

  /** An input that the operator requires. */
  x(index = 0): string {
    return this.node.input[index] ?? '';
  }

  has(index: number): boolean {
    return this.x(index) !== '';
  }

  /** An optional input, undefined where it is left out. */
  optional(index: number): string | undefined {
    return this.has(index) ? this.x(index) : undefined;
  }

  y(index = 0): string {
    return this.node.output[index] ?? '';
  }

  /** The constant behind an input, as numbers. */
  constant(index: number): number[] | undefined {
    return this.has(index) ? constantElements(this.b.factsOf(this.x(index))) : undefined;
  }

  rank(index = 0): number {
    return this.b.rankOf(this.x(index));
  }

  axis(given: number, index = 0): number {
    return normaliseAxis(given, this.rank(index));
  }

  /** For variants that are not covered. @param what ends "… has a gradient only if" */
  onlyIf(what: string): never {
    throw new UnsupportedOperatorError(
      'unsupported-variant',
      `${this.b.source.label}: ${describeNode(this.node)} has a gradient here only if ${what}.`,
      locate(this.node),
    );
  }
}

/** The place where a rule is applied: a forward node, the cotangents of its outputs, and the graph to write to. */
export class Site extends Operation {
  constructor(
    b: GraphBuilder,
    node: NodeProto,
    private readonly cotangents: readonly (string | undefined)[],
    private readonly wanted: readonly boolean[],
  ) {
    super(b, node);
  }

  /** The cotangent of the first output, which the operators with one output always have here. */
  get g(): string {
    return this.cotangents[0] ?? '';
  }

  /** Whether something depends on an output. */
  receives(index: number): boolean {
    return this.cotangents[index] !== undefined;
  }

  /** The cotangent of an output, zeros where nothing depends on it. */
  cotangent(index: number): string {
    if (this.y(index) === '') this.onlyIf(`its output ${index + 1} has a name`);
    return this.cotangents[index] ?? this.b.fullLike(this.y(index));
  }

  /** Whether the gradient of this input is asked for. */
  wants(index: number): boolean {
    return this.wanted[index] ?? false;
  }

  /** Refuses a gradient with respect to an input that is nearly always a weight. */
  requireConstant(index: number, what: string): void {
    if (this.wants(index)) this.onlyIf(`its ${what} ("${this.x(index)}") does not depend on the network's input`);
  }
}
