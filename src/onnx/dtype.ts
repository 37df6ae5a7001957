import { TensorProto_DataType } from './generated/onnx_pb';

/** ONNX element types, as the plain numbers that the protobuf messages carry. */
export type DataType = number;
export const DataType: Readonly<Record<keyof typeof TensorProto_DataType, DataType>> = TensorProto_DataType;

/** Element type names as ONNX Runtime spells them (`float32`, not `FLOAT`). */
const names: Readonly<Record<number, string>> = {
  [DataType.FLOAT]: 'float32',
  [DataType.DOUBLE]: 'float64',
};

export function dtypeName(type: DataType): string {
  return names[type] ?? (TensorProto_DataType[type] ?? `type ${type}`).toLowerCase();
}

const floats: ReadonlySet<DataType> = new Set([DataType.FLOAT, DataType.FLOAT16, DataType.DOUBLE, DataType.BFLOAT16]);

/** Whether a value of this type can carry a derivative. */
export function isFloat(type: DataType): boolean {
  return floats.has(type);
}
