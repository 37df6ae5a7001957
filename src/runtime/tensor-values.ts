import * as ort from 'onnxruntime-node';
import { halfToNumber, numberToHalf } from '../onnx/tensors';

/** A tensor as numbers in row-major order, with its element type as ONNX Runtime spells it (`float32`, `int64`, …). */
export interface TensorValues {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** The values as a tensor of another element type, the one a port wants. */
export function toTensor({ data, shape }: Pick<TensorValues, 'data' | 'shape'>, type: ort.Tensor.Type): ort.Tensor {
  const halves = (): Uint16Array => Uint16Array.from(data, numberToHalf);
  if (type === 'float32' && data instanceof Float32Array) return new ort.Tensor(type, data, shape);
  return new ort.Tensor(type, type === 'float16' ? halves() : Array.from(data), shape);
}

/** Float16 comes back as bits where JavaScript has no array type for it (Node 20 and 22). */
export function fromTensor(tensor: ort.Tensor): TensorValues {
  const { type: dtype, dims: shape, data } = tensor;
  const number = dtype === 'float16' && data instanceof Uint16Array ? halfToNumber : Number;
  return {
    dtype,
    shape,
    data:
      data instanceof Float32Array
        ? data
        : Array.from<unknown, number>(data as ArrayLike<unknown>, (value) => number(value as number)),
  };
}
