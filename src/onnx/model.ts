import { OnnxError, type NodeLocation } from './errors';
import type { GraphProto, ModelProto, NodeProto } from './generated/onnx_pb';

/**
 * A parsed model. The protobuf messages are the graph's representation (so nothing is lost on the way out again) and
 * are never changed in place: a new graph shares the nodes and weights it keeps.
 */
export interface OnnxModel {
  /** Path or title for messages. */
  readonly label: string;
  readonly proto: ModelProto;
  readonly graph: GraphProto;
  /** Version of the default operator domain. */
  readonly opset: number;
  /** Files beside the model that hold weights; absent when the model holds all of them. */
  readonly weights?: WeightFiles;
}

/** Where weights lie that are not in the model: a graph made from it refers to them by paths relative to `folder`. */
export interface WeightFiles {
  /** Absolute, without symbolic links, as `files` are. */
  readonly folder: string;
  readonly files: readonly string[];
}

/**
 * Wraps a model message; throws `not-onnx` when it has no graph or no version of the default operators.
 *
 * @param weights of the model that this one is made from
 */
export function wrapModel(proto: ModelProto, label: string, weights?: WeightFiles): OnnxModel {
  const opset = proto.opsetImport.find((entry) => isDefaultDomain(entry.domain))?.version;
  if (proto.graph === undefined || opset === undefined) {
    const missing = proto.graph === undefined ? 'graph' : 'operator set version';
    throw new OnnxError('not-onnx', `${label} has no ${missing}, so it is not an ONNX model; export the model again.`);
  }
  return { label, proto, graph: proto.graph, opset: Number(opset), ...(weights && { weights }) };
}

export function isDefaultDomain(domain: string): boolean {
  return domain === '' || domain === 'ai.onnx';
}

/** `Conv`, or `com.microsoft.Gelu` outside the default domain. */
export function operatorName(node: NodeProto): string {
  return isDefaultDomain(node.domain) ? node.opType : `${node.domain}.${node.opType}`;
}

export function locate(node: NodeProto): NodeLocation {
  return { operator: operatorName(node), node: node.name };
}

/** `Conv node "/down/Conv_3"`, or by its output where the exporter gave no name. */
export function describeNode(node: NodeProto): string {
  return node.name !== ''
    ? `${operatorName(node)} node "${node.name}"`
    : `${operatorName(node)} node that makes "${node.output.find((name) => name !== '') ?? ''}"`;
}
