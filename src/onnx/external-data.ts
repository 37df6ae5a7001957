import { dirname, isAbsolute, join, relative, sep, win32 } from 'node:path';
import { allTensors, type StoredTensor } from './all-tensors';
import { OnnxError } from './errors';
import { isMissing, readFileError } from './file-error';
import { StringStringEntryProtoSchema, TensorProto_DataLocation, type TensorProto } from './generated/onnx_pb';
import type { ModelFiles, OpenFile } from './model-files';
import type { OnnxModel } from './model';
import { byteLength, decodeLimit, elementCount, externalEntry, isExternal } from './tensors';
import { create } from '@bufbuild/protobuf';

/** Small tensors are read up to this many bytes in all; a model with more of them keeps the rest outside. */
const inlineBudget = 64 * 2 ** 20;

/** Where the bytes of a tensor lie, as its entries say. */
interface Reference extends StoredTensor {
  readonly location: string;
  readonly offset: number;
  /** Bytes, by dimensions and type. */
  readonly length: number;
}

/** A file of weights: what the model calls it, and what it is. */
interface WeightFile {
  readonly path: string;
  readonly file: OpenFile;
}

/**
 * Checks where the tensors with external data lie and reads the small ones into the model, because shapes are worked
 * out from them and the newer PyTorch exporter writes all initialisers to one file. Large ones stay where they are.
 *
 * A file counts as inside the model's folder when it is so after all symbolic links: in the folder that holds the model,
 * or (a download cache is made of links) in the one that holds the file the model links to.
 *
 * @param model just parsed: its tensors are changed in place, nobody else has them yet
 */
export async function bindExternalData(model: OnnxModel, path: string, files: ModelFiles): Promise<OnnxModel> {
  const references = [...allTensors(model.proto)]
    .filter(({ tensor }) => isExternal(tensor))
    .map((stored) => readReference(stored, model.label));
  if (references.length === 0) return model;

  const found = new Map<string, WeightFile>();
  try {
    const roots = await rootsOf(path, files);
    for (const reference of references) {
      const known =
        found.get(reference.location) ??
        (await openWeights(reference, path, roots, files, [...found.values()], model.label));
      found.set(reference.location, known);
      checkRange(reference, known.file.size, model.label);
    }
    const paths = [...found.values()].map((weights) => weights.path);
    const folder = roots.find((root) => paths.every((file) => isInside(file, root)));
    if (folder === undefined) throw scattered(model.label, paths);
    let budget = inlineBudget;
    for (const reference of references) {
      const weights = found.get(reference.location);
      if (weights === undefined) continue;
      if (elementCount(reference.tensor) <= decodeLimit && reference.length <= budget) {
        budget -= reference.length;
        makeInline(reference.tensor, await weights.file.read(reference.offset, reference.length));
      } else {
        setEntry(reference.tensor, 'location', relative(folder, weights.path).split(sep).join('/'));
      }
    }
    return { ...model, weights: { folder, files: [...new Set(paths)].sort() } };
  } catch (error) {
    throw readFileError(error, path);
  } finally {
    await Promise.all([...new Set([...found.values()].map(({ file }) => file))].map((file) => file.close()));
  }
}

function readReference(stored: StoredTensor, label: string): Reference {
  const { tensor, name } = stored;
  const refuse = (what: string): never => {
    throw new OnnxError('external-data', `${label}: the external data of "${name}" ${what}; export the model again.`);
  };
  const location = externalEntry(tensor, 'location') ?? '';
  if (location === '') return refuse('names no file');
  const length = byteLength(tensor) ?? refuse('is of a type that cannot lie outside the model');
  const count = (key: string): number | undefined => {
    const text = externalEntry(tensor, key);
    if (text === undefined || text === '') return undefined;
    const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    return Number.isSafeInteger(value) ? value : refuse(`has the ${key} "${text.slice(0, 40)}", which is no size`);
  };
  const stated = count('length');
  if (stated !== undefined && stated !== length) {
    refuse(`has ${stated} bytes, but its dimensions [${tensor.dims.join(', ')}] and type need ${length}`);
  }
  return { ...stored, location, offset: count('offset') ?? 0, length };
}

/** The folders that weights may lie in. */
async function rootsOf(path: string, files: ModelFiles): Promise<string[]> {
  return [...new Set([await files.realpath(dirname(path)), dirname(await files.realpath(path))])];
}

async function openWeights(
  { name, location }: Reference,
  path: string,
  roots: readonly string[],
  files: ModelFiles,
  opened: readonly WeightFile[],
  label: string,
): Promise<WeightFile> {
  const stray = () =>
    new OnnxError(
      'external-data',
      `${label}: the weights of "${name}" lie in "${location.slice(0, 200)}", outside the model's folder; ` +
        'put them beside the model and export it again.',
    );
  if (!staysBelow(location)) throw stray();
  const wanted = join(dirname(path), location);
  try {
    const real = await files.realpath(wanted);
    if (!roots.some((root) => isInside(real, root))) throw stray();
    return opened.find((weights) => weights.path === real) ?? { path: real, file: await files.open(real) };
  } catch (error) {
    if (isMissing(error)) {
      throw new OnnxError(
        'external-data',
        `${label}: the weights of "${name}" lie in ${location}, which is missing; copy it to ${wanted} too.`,
      );
    }
    throw readFileError(error, wanted);
  }
}

/** By its text alone, on any system: relative, and without a step up. */
function staysBelow(location: string): boolean {
  return (
    !location.includes('\0') &&
    !isAbsolute(location) &&
    !win32.isAbsolute(location) &&
    !/^[a-z]:/i.test(location) &&
    !location.split(/[/\\]/).includes('..')
  );
}

function isInside(file: string, folder: string): boolean {
  const path = relative(folder, file);
  return path !== '' && path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path);
}

function checkRange({ name, location, offset, length }: Reference, size: number, label: string): void {
  if (offset + length <= size) return;
  throw new OnnxError(
    'external-data',
    `${label}: "${name}" needs ${length} bytes from byte ${offset} of ${location}, which has only ${size}; ` +
      'the file is cut short or belongs to another model: copy or export it again.',
  );
}

function scattered(label: string, paths: readonly string[]): OnnxError {
  return new OnnxError(
    'external-data',
    `${label}: its weights lie in different folders (${paths.join(', ')}); put them all beside the model.`,
  );
}

function makeInline(tensor: TensorProto, bytes: Uint8Array<ArrayBuffer>): void {
  tensor.rawData = bytes;
  tensor.dataLocation = TensorProto_DataLocation.DEFAULT;
  tensor.externalData = [];
}

function setEntry(tensor: TensorProto, key: string, value: string): void {
  if (externalEntry(tensor, key) === value) return;
  tensor.externalData = [
    ...tensor.externalData.filter((pair) => pair.key !== key),
    create(StringStringEntryProtoSchema, { key, value }),
  ];
}
