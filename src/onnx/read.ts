import { fromBinary } from '@bufbuild/protobuf';
import { checkGraph } from './check-graph';
import { OnnxError } from './errors';
import { ModelProtoSchema, type ModelProto } from './generated/onnx_pb';
import { wrapModel, type OnnxModel } from './model';

/**
 * Reads an ONNX file's bytes. Weights stored as raw bytes are views of `bytes`, not copies.
 * The protobuf reader checks every length against the end of the file and stops at 100 nested messages; whatever it
 * meets becomes an `OnnxError` with code `not-onnx`, and a graph that contradicts itself one with `invalid-graph`.
 * Where weights outside the file lie is not looked at: `openModelFile` does that.
 *
 * @param label path of the file, for messages
 */
export function parseModel(bytes: Uint8Array, label: string): OnnxModel {
  const end = endOfCompleteFields(bytes);
  if (bytes.length === 0 || end < bytes.length) throw tornFile(label, end, bytes.length);
  let proto: ModelProto;
  try {
    proto = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw tornFile(label, end, bytes.length, cause);
  }
  const model = wrapModel(proto, label);
  checkGraph(model);
  return model;
}

export function tornFile(label: string, at: number, size: number, cause?: unknown): OnnxError {
  const what =
    size === 0
      ? 'is empty'
      : at < size
        ? `is truncated or not ONNX (its structure ends at byte ${at} of ${size})`
        : 'is not a readable ONNX file';
  const why = at >= size && cause instanceof Error ? ` (${cause.message})` : '';
  return new OnnxError('not-onnx', `${label} ${what}${why}; export the model again.`, undefined, { cause });
}

/**
 * Walks the top-level fields of a protobuf message and returns the offset behind the last complete one: the length
 * of the file when it is whole. An ONNX file is one large `graph` field, so this finds every cut inside the graph.
 */
export function endOfCompleteFields(bytes: Uint8Array): number {
  let offset = 0;
  while (offset < bytes.length) {
    const key = readVarint(bytes, offset);
    if (key === undefined || key.value < 8) return offset;
    let next: number;
    const wireType = key.value % 8;
    if (wireType === 0) {
      const value = readVarint(bytes, key.end);
      if (value === undefined) return offset;
      next = value.end;
    } else if (wireType === 2) {
      const length = readVarint(bytes, key.end);
      if (length === undefined) return offset;
      next = length.end + length.value;
    } else if (wireType === 1 || wireType === 5) {
      next = key.end + (wireType === 1 ? 8 : 4);
    } else {
      return offset;
    }
    if (next > bytes.length) return offset;
    offset = next;
  }
  return offset;
}

/** A varint of at most ten bytes as a double (exact below 2^53, and anything above is past the end of any file). */
export function readVarint(bytes: Uint8Array, offset: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[offset + i];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, end: offset + i + 1 };
  }
  return undefined;
}
