import { create } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType,
  type AttributeProto,
  type NodeProto,
  type TensorProto,
} from './generated/onnx_pb';

const text = new TextDecoder();

function find(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((attribute) => attribute.name === name);
}

/** An integer attribute, or its default where the node leaves it out. */
export function intAttribute(node: NodeProto, name: string, fallback: number): number {
  const attribute = find(node, name);
  return attribute === undefined ? fallback : Number(attribute.i);
}

export function floatAttribute(node: NodeProto, name: string, fallback: number): number {
  return find(node, name)?.f ?? fallback;
}

export function stringAttribute(node: NodeProto, name: string, fallback: string): string {
  const attribute = find(node, name);
  return attribute === undefined ? fallback : text.decode(attribute.s);
}

/** A list of integers, `undefined` where the node leaves it out. */
export function intsAttribute(node: NodeProto, name: string): number[] | undefined {
  return find(node, name)?.ints.map(Number);
}

export function tensorAttribute(node: NodeProto, name: string): TensorProto | undefined {
  return find(node, name)?.t;
}

/** The subgraphs of control flow (`If`, `Loop`, `Scan`) have these. */
export function subgraphs(node: NodeProto) {
  return node.attribute.flatMap((attribute) => (attribute.g ? [attribute.g] : attribute.graphs));
}

/** A plain number is an integer attribute; floats are wrapped, because ONNX tells them apart. */
export type AttributeValue = number | readonly number[] | string | { readonly float: number } | TensorProto;
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/** The attribute as a file holds it. */
export function attributeProto(name: string, value: AttributeValue): AttributeProto {
  const type = AttributeProto_AttributeType;
  if (typeof value === 'number') return create(AttributeProtoSchema, { name, type: type.INT, i: BigInt(value) });
  if (typeof value === 'string') {
    return create(AttributeProtoSchema, { name, type: type.STRING, s: new TextEncoder().encode(value) });
  }
  if (isList(value)) return create(AttributeProtoSchema, { name, type: type.INTS, ints: value.map(BigInt) });
  if ('float' in value) return create(AttributeProtoSchema, { name, type: type.FLOAT, f: value.float });
  return create(AttributeProtoSchema, { name, type: type.TENSOR, t: value });
}

function isList(value: readonly number[] | object): value is readonly number[] {
  return Array.isArray(value);
}
