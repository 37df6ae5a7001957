import { create } from '@bufbuild/protobuf';
import { tensorAttribute } from './attributes';
import { DataType } from './dtype';
import { TensorProtoSchema, TensorProto_DataLocation, type NodeProto, type TensorProto } from './generated/onnx_pb';

/** Elements of a tensor, 1 for a scalar. */
export function elementCount(tensor: TensorProto): number {
  return tensor.dims.reduce((product, dim) => product * Number(dim), 1);
}

/** Whether a tensor's bytes lie in another file. */
export function isExternal(tensor: TensorProto): boolean {
  return tensor.dataLocation === TensorProto_DataLocation.EXTERNAL;
}

/** What an external tensor says about its bytes: `location`, `offset` or `length`. */
export function externalEntry(tensor: TensorProto, key: string): string | undefined {
  return tensor.externalData.find((pair) => pair.key === key)?.value;
}

/** Bits of an element in raw and external data; strings have no fixed size. */
export const elementBits: Readonly<Record<number, number>> = {
  [DataType.FLOAT]: 32,
  [DataType.UINT8]: 8,
  [DataType.INT8]: 8,
  [DataType.UINT16]: 16,
  [DataType.INT16]: 16,
  [DataType.INT32]: 32,
  [DataType.INT64]: 64,
  [DataType.BOOL]: 8,
  [DataType.FLOAT16]: 16,
  [DataType.DOUBLE]: 64,
  [DataType.UINT32]: 32,
  [DataType.UINT64]: 64,
  [DataType.COMPLEX64]: 64,
  [DataType.COMPLEX128]: 128,
  [DataType.BFLOAT16]: 16,
  [DataType.FLOAT8E4M3FN]: 8,
  [DataType.FLOAT8E4M3FNUZ]: 8,
  [DataType.FLOAT8E5M2]: 8,
  [DataType.FLOAT8E5M2FNUZ]: 8,
  [DataType.UINT4]: 4,
  [DataType.INT4]: 4,
  [DataType.FLOAT4E2M1]: 4,
  [DataType.FLOAT8E8M0]: 8,
  [DataType.UINT2]: 2,
  [DataType.INT2]: 2,
};

/** Bytes of a tensor's raw data; undefined for strings and unknown types. */
export function byteLength(tensor: TensorProto): number | undefined {
  const bits = elementBits[tensor.dataType];
  return bits === undefined ? undefined : Math.ceil((elementCount(tensor) * bits) / 8);
}

/** Tensors up to this many elements are decoded as constants: shapes, axes, bounds and scalars, not weights. */
export const decodeLimit = 4096;

/**
 * The values of a small numeric tensor as doubles; `undefined` for large, external or exotic ones. An int64 beyond
 * 2^53 (an open end of a `Slice`) is rounded, which is harmless where values are clamped to a dimension.
 */
export function decodeSmall(tensor: TensorProto): number[] | undefined {
  const count = elementCount(tensor);
  if (count > decodeLimit || isExternal(tensor)) return undefined;
  const typed =
    tensor.dataType === DataType.INT64
      ? tensor.int64Data.map(Number)
      : tensor.dataType === DataType.FLOAT
        ? tensor.floatData
        : tensor.dataType === DataType.DOUBLE
          ? tensor.doubleData
          : tensor.dataType === DataType.FLOAT16
            ? tensor.int32Data.map(halfToNumber)
            : tensor.int32Data;
  if (tensor.rawData.length === 0) return typed.length === count ? [...typed] : undefined;
  const bytes = tensor.rawData;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader = rawReaders[tensor.dataType];
  if (reader === undefined || bytes.length !== count * reader.size) return undefined;
  return Array.from({ length: count }, (_, i) => reader.read(view, i * reader.size));
}

const rawReaders: Readonly<Record<number, { size: number; read: (view: DataView, at: number) => number }>> = {
  [DataType.FLOAT]: { size: 4, read: (view, at) => view.getFloat32(at, true) },
  [DataType.DOUBLE]: { size: 8, read: (view, at) => view.getFloat64(at, true) },
  [DataType.FLOAT16]: { size: 2, read: (view, at) => halfToNumber(view.getUint16(at, true)) },
  [DataType.INT64]: { size: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  [DataType.INT32]: { size: 4, read: (view, at) => view.getInt32(at, true) },
  [DataType.UINT8]: { size: 1, read: (view, at) => view.getUint8(at) },
  [DataType.INT8]: { size: 1, read: (view, at) => view.getInt8(at) },
  [DataType.BOOL]: { size: 1, read: (view, at) => view.getUint8(at) },
};

/** Whether all elements of a tensor that is stored as raw bytes are one number. */
export function isFilledWith(tensor: TensorProto, number: number): boolean {
  const reader = rawReaders[tensor.dataType];
  const bytes = tensor.rawData;
  if (reader === undefined || bytes.length === 0 || bytes.length !== elementCount(tensor) * reader.size) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; at += reader.size) if (reader.read(view, at) !== number) return false;
  return true;
}

/** The tensor of a `Constant` node, whichever of its attributes holds it. */
export function constantNodeTensor(node: NodeProto): TensorProto | undefined {
  const tensor = tensorAttribute(node, 'value');
  if (tensor !== undefined) return tensor;
  for (const { name, i, ints, f, floats } of node.attribute) {
    if (name === 'value_int') return int64Tensor('', [], [i]);
    if (name === 'value_ints') return int64Tensor('', [ints.length], ints);
    if (name === 'value_float') return floatTensor('', DataType.FLOAT, [], [f]);
    if (name === 'value_floats') return floatTensor('', DataType.FLOAT, [floats.length], floats);
  }
  return undefined;
}

export function int64Tensor(name: string, dims: readonly number[], values: readonly (number | bigint)[]): TensorProto {
  const view = new DataView(new ArrayBuffer(values.length * 8));
  values.forEach((value, i) => view.setBigInt64(i * 8, BigInt(value), true));
  return tensor(name, DataType.INT64, dims, view);
}

/** A constant of one of the float types; float16 and bfloat16 are rounded to nearest. */
export function floatTensor(
  name: string,
  type: DataType,
  dims: readonly number[],
  values: readonly number[],
): TensorProto {
  const size = type === DataType.DOUBLE ? 8 : type === DataType.FLOAT ? 4 : 2;
  const view = new DataView(new ArrayBuffer(values.length * size));
  values.forEach((value, i) => {
    if (type === DataType.DOUBLE) view.setFloat64(i * size, value, true);
    else if (type === DataType.FLOAT) view.setFloat32(i * size, value, true);
    else if (type === DataType.BFLOAT16) view.setUint16(i * size, numberToBfloat16(value), true);
    else view.setUint16(i * size, numberToHalf(value), true);
  });
  return tensor(name, type, dims, view);
}

function tensor(name: string, dataType: DataType, dims: readonly number[], view: DataView): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType,
    dims: dims.map(BigInt),
    rawData: new Uint8Array(view.buffer as ArrayBuffer),
  });
}

/** IEEE 754 binary16 bits to a number. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** A number to IEEE 754 binary16 bits, to nearest, ties to even. */
export function numberToHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  const exponent = magnitude < 2 ** -14 ? -14 : Math.floor(Math.log2(magnitude));
  const scaled = magnitude / 2 ** (exponent - 10);
  let integer = Math.floor(scaled);
  const rest = scaled - integer;
  if (rest > 0.5 || (rest === 0.5 && integer % 2 === 1)) integer += 1;
  // A normal number has integer in [1024, 2048]; adding the carries into the exponent is what the format is made for.
  return sign | (exponent === -14 && integer < 1024 ? integer : integer - 1024 + ((exponent + 15) << 10));
}

function numberToBfloat16(value: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  const bits = view.getUint32(0);
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}
