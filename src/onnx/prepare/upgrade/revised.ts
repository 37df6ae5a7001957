import { create } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType,
  NodeProtoSchema,
  type AttributeProto,
  type NodeProto,
} from '../../generated/onnx_pb';
import { revise } from '../../revise';
import type { Operation } from '../../rules/rule';

/**
 * Writes a node of an older operator set in its present form: may emit helper nodes, and returns the nodes that make
 * the old node's outputs under their names.
 *
 * @param from the operator set that the node was written for
 */
export type Upgrade = (operation: Operation, from: number) => NodeProto[];

export interface Revision {
  readonly operator?: string;
  /** Names of nodes must differ, so where one becomes two the other needs this. */
  readonly name?: string;
  readonly inputs?: readonly (string | undefined)[];
  readonly outputs?: readonly string[];
  /** Attributes to leave out. */
  readonly without?: readonly string[];
  /** Attributes to set, in place of what the node has under that name. */
  readonly set?: Readonly<Record<string, number | string>>;
}

/** A copy of the node with changes. */
export function revised(
  node: NodeProto,
  { operator, name: nodeName, inputs, outputs, without = [], set = {} }: Revision,
): NodeProto {
  const input = inputs ? inputs.map((name) => name ?? '') : [...node.input];
  while (input.at(-1) === '') input.pop();
  const kept = node.attribute.filter(({ name }) => !without.includes(name) && !Object.hasOwn(set, name));
  return revise(NodeProtoSchema, node, {
    opType: operator ?? node.opType,
    name: nodeName ?? node.name,
    input,
    output: outputs ? [...outputs] : node.output,
    attribute: [...kept, ...Object.entries(set).map(([name, value]) => attribute(name, value))],
  });
}

/** A new node that makes an existing value. */
export function making(output: string, operator: string, inputs: readonly string[], name: string): NodeProto {
  return create(NodeProtoSchema, { opType: operator, name, input: [...inputs], output: [output] });
}

function attribute(name: string, value: number | string): AttributeProto {
  return create(
    AttributeProtoSchema,
    typeof value === 'number'
      ? { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) }
      : { name, type: AttributeProto_AttributeType.STRING, s: new TextEncoder().encode(value) },
  );
}
