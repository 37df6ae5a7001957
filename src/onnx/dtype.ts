import { TensorProto_DataType } from './generated/onnx_pb';

export { TensorProto_DataType as DataType } from './generated/onnx_pb';

/** Element type names as ONNX Runtime spells them (`float32`, not `FLOAT`). */
const names: Readonly<Record<number, string>> = {
  [TensorProto_DataType.FLOAT]: 'float32',
  [TensorProto_DataType.DOUBLE]: 'float64',
};

export function dtypeName(type: number): string {
  return names[type] ?? (TensorProto_DataType[type] ?? `type ${type}`).toLowerCase();
}

/** Whether a value of this type can carry a derivative. */
export function isFloat(type: number): boolean {
  return (
    type === TensorProto_DataType.FLOAT ||
    type === TensorProto_DataType.FLOAT16 ||
    type === TensorProto_DataType.DOUBLE ||
    type === TensorProto_DataType.BFLOAT16
  );
}

export function isInteger(type: number): boolean {
  return !isFloat(type) && type !== TensorProto_DataType.BOOL && type !== TensorProto_DataType.STRING;
}
