import { readFile, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readIndex, ReferenceFileError } from '../onnx/conformance/reference';
import { UserError } from '../jobs/user-error';

/** A model and its reference values, as absolute paths. */
export interface ReferenceFiles {
  readonly name: string;
  readonly onnx: string;
  readonly json: string;
}

/**
 * The models of a folder: those of its `index.json`, else every `NAME.json` that lies beside a `NAME.onnx`.
 *
 * @param filter parts of names; a model needs one of them in its own, if there are any
 * @throws UserError when there is nothing to check, ReferenceFileError for a broken index.json
 */
export async function listModels(folder: string, filter: readonly string[]): Promise<ReferenceFiles[]> {
  let files: string[];
  try {
    files = await readdir(folder);
  } catch (error) {
    throw new UserError(
      'no-folder',
      `${folder} is no folder that can be read; name one with NAME.onnx and NAME.json.`,
      {
        cause: error,
      },
    );
  }
  const entries = files.includes('index.json')
    ? readIndex(await readJson(join(folder, 'index.json')), join(folder, 'index.json'))
    : files
        .filter((file) => file.endsWith('.onnx') && files.includes(file.replace(/onnx$/, 'json')))
        .map((file) => ({ name: basename(file, '.onnx'), onnx: file, json: file.replace(/onnx$/, 'json') }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
  const chosen = entries.filter(({ name }) => filter.length === 0 || filter.some((part) => name.includes(part)));
  if (chosen.length === 0) {
    const why =
      entries.length === 0
        ? `${folder} holds no NAME.onnx with a NAME.json beside it.`
        : `No model in ${folder} has ${filter.join(' or ')} in its name; there are ${entries.map(({ name }) => name).join(', ')}.`;
    throw new UserError('no-models', why);
  }
  return chosen.map(({ name, onnx, json }) => ({ name, onnx: join(folder, onnx), json: join(folder, json) }));
}

/** @throws ReferenceFileError when the file cannot be read or is not JSON */
export async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    throw new ReferenceFileError(`${path} cannot be read.`);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new ReferenceFileError(`${path} is not JSON (${error instanceof Error ? error.message : String(error)}).`);
  }
}
