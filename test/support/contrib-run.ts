import { create } from '@bufbuild/protobuf';
import { expect } from 'vitest';
import type { Attributes } from '../../src/onnx/attributes';
import type { GraphBuilder } from '../../src/onnx/builder';
import { expandNodes, expansionFor } from '../../src/onnx/expansions';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType,
  OperatorSetIdProtoSchema,
  type NodeProto,
} from '../../src/onnx/generated/onnx_pb';
import type { OnnxModel } from '../../src/onnx/model';
import { Operation } from '../../src/onnx/rules/rule';
import { relativeError, runModel, type Feeds } from './onnx-run';

/** Gives the last node of a test graph ONNX Runtime's own domain, and lists of floats, which the builder has no need of. */
function moveToContrib(b: GraphBuilder, floats: Readonly<Record<string, readonly number[]>> = {}): NodeProto {
  const node = b.nodes.pop()!;
  node.domain = 'com.microsoft';
  for (const [name, values] of Object.entries(floats)) {
    const type = AttributeProto_AttributeType.FLOATS;
    node.attribute.push(create(AttributeProtoSchema, { name, type, floats: [...values] }));
  }
  const imports = b.source.proto.opsetImport;
  if (!imports.some(({ domain }) => domain === node.domain))
    imports.push(create(OperatorSetIdProtoSchema, { domain: node.domain, version: 1n }));
  b.addNode(node);
  return node;
}

interface ContribOptions {
  /** of the outputs, 1 by default */
  readonly count?: number;
  /** outputs to leave out */
  readonly skipped?: readonly number[];
  readonly floats?: Readonly<Record<string, readonly number[]>>;
}

type Inputs = readonly (string | undefined)[];

/** Emits a node of the domain com.microsoft into a test graph; returns its outputs. */
export function emitContrib(
  b: GraphBuilder,
  operator: string,
  inputs: Inputs,
  attributes: Attributes = {},
  { count = 1, skipped = [], floats }: ContribOptions = {},
): string[] {
  b.emitMany(operator, inputs, count, attributes);
  const node = moveToContrib(b, floats);
  skipped.forEach((index) => (node.output[index] = ''));
  return node.output;
}

/** The expansion of such a node in its place: for operators that ONNX Runtime has no kernel for on the CPU. */
export function emitExpanded(
  b: GraphBuilder,
  operator: string,
  inputs: Inputs,
  attributes: Attributes = {},
  options: ContribOptions = {},
): string[] {
  emitContrib(b, operator, inputs, attributes, options);
  const node = b.nodes.pop()!;
  return expansionFor(node)!(new Operation(b, node)).map((value) => value ?? '');
}

/** Several results as one vector, so that a test graph has one output. */
export function joined(b: GraphBuilder, values: readonly string[]): string {
  return b.emit(
    'Concat',
    values.map((value) => b.reshape(value, [-1])),
    { axis: 0 },
  );
}

/** Every composite node written out. */
export function expanded(model: OnnxModel): OnnxModel {
  return expandNodes(model, new Set(model.graph.node.filter((node) => expansionFor(node) !== undefined)));
}

/** Expects the graph's expansion to compute what ONNX Runtime's own kernels do. */
export async function expectSameForward(model: OnnxModel, feeds: Feeds): Promise<void> {
  const own = (await runModel(model, feeds))['y']!;
  const result = (await runModel(expanded(model), feeds))['y'];
  expect(relativeError(result, own)).toBeLessThan(1e-5);
}
