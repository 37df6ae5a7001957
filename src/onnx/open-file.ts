import { readFileError } from './file-error';
import { bindExternalData } from './external-data';
import { checkSize, diskFiles, type ModelFiles } from './model-files';
import type { OnnxModel } from './model';
import { parseModel } from './read';

/**
 * Opens a model by its path. Weights in files beside it stay there: of those files nothing but sizes and the small
 * tensors that shape inference may need (at most 4,096 elements each) is read.
 *
 * @throws OnnxError `unreadable`, `not-onnx`, `invalid-graph`, or `external-data` for weights that lie outside the
 *   model's folder, are missing, cut short or of another size than the tensor
 */
export async function openModelFile(path: string, files: ModelFiles = diskFiles): Promise<OnnxModel> {
  const model = parseModel(await readWhole(path, files), path);
  return bindExternalData(model, path, files);
}

async function readWhole(path: string, files: ModelFiles): Promise<Uint8Array> {
  try {
    const file = await files.open(path);
    try {
      checkSize(path, file.size);
      return await file.read(0, file.size);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw readFileError(error, path);
  }
}
