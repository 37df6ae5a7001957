import { toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from './generated/onnx_pb';
import type { OnnxModel } from './model';

/** The bytes of an ONNX file; the same model always gives the same bytes. */
export function serializeModel(model: OnnxModel): Uint8Array {
  return toBinary(ModelProtoSchema, model.proto);
}
