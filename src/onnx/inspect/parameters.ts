import { allTensors } from '../all-tensors';
import { dtypeName, type DataType } from '../dtype';
import type { ModelProto } from '../generated/onnx_pb';
import { byteLength, elementCount, externalEntry, isExternal } from '../tensors';

export interface Parameters {
  readonly count: number;
  readonly bytes: number;
  /** By element type, most bytes first. */
  readonly byType: readonly { readonly dtype: string; readonly count: number; readonly bytes: number }[];
  /** Files that hold weights, as the model spells them, with the bytes it takes from each. */
  readonly external: readonly { readonly file: string; readonly bytes: number }[];
}

/** Elements of all stored tensors, constants included. Counted from their shapes: no weight is read. */
export function countParameters(model: ModelProto): Parameters {
  const types = new Map<DataType, { dtype: string; count: number; bytes: number }>();
  const external = new Map<string, number>();
  for (const { tensor } of allTensors(model)) {
    const [count, bytes] = [elementCount(tensor), byteLength(tensor) ?? 0];
    const type = types.get(tensor.dataType) ?? { dtype: dtypeName(tensor.dataType), count: 0, bytes: 0 };
    types.set(tensor.dataType, { ...type, count: type.count + count, bytes: type.bytes + bytes });
    const file = isExternal(tensor) ? externalEntry(tensor, 'location') : undefined;
    if (file !== undefined) external.set(file, (external.get(file) ?? 0) + bytes);
  }
  const byType = [...types.values()].sort((a, b) => b.bytes - a.bytes);
  return {
    count: byType.reduce((sum, type) => sum + type.count, 0),
    bytes: byType.reduce((sum, type) => sum + type.bytes, 0),
    byType,
    external: [...external].map(([file, bytes]) => ({ file, bytes })).sort((a, b) => (a.file < b.file ? -1 : 1)),
  };
}
