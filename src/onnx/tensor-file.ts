import { OnnxError } from './errors';
import { readFileError } from './file-error';
import { diskFiles, type ModelFiles, type OpenFile } from './model-files';
import { halfToNumber } from './tensors';

/** What the header of a tensor file says. */
export interface TensorHeader {
  /** As ONNX ports spell it: `float32`, `int64`, … */
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** A stored tensor, row-major. Integers beyond 2⁵³ are rounded. */
export interface StoredTensor extends TensorHeader {
  readonly data: Float32Array | Float64Array;
}

interface Place extends TensorHeader {
  readonly offset: number;
}

interface Element {
  readonly size: number;
  readonly read: (view: DataView, at: number) => number;
}

const elements: Readonly<Record<string, Element>> = {
  float16: { size: 2, read: (view, at) => halfToNumber(view.getUint16(at, true)) },
  bfloat16: { size: 2, read: (view, at) => bfloatToNumber(view.getUint16(at, true)) },
  float32: { size: 4, read: (view, at) => view.getFloat32(at, true) },
  float64: { size: 8, read: (view, at) => view.getFloat64(at, true) },
  int32: { size: 4, read: (view, at) => view.getInt32(at, true) },
  int64: { size: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
};

const bits = new DataView(new ArrayBuffer(4));
function bfloatToNumber(half: number): number {
  bits.setUint32(0, half << 16);
  return bits.getFloat32(0);
}

/** Longer headers than this are not those of one tensor. */
const largestHeader = 2 ** 20;

/**
 * Element type and shape of a `.npy` file or of the only tensor in a `.safetensors` file, without reading its values.
 *
 * @throws OnnxError (`unreadable`) with a sentence that names the file
 */
export function readTensorHeader(path: string, files: ModelFiles = diskFiles): Promise<TensorHeader> {
  return withTensor(path, files, async (_, { dtype, shape }) => ({ dtype, shape }));
}

/** The tensor with its values: float64 and integers as float64, everything else as float32. Errors as above. */
export function readTensorFile(path: string, files: ModelFiles = diskFiles): Promise<StoredTensor> {
  return withTensor(path, files, async (file, { dtype, shape, offset }) => {
    const { size, read } = elements[dtype]!;
    const count = shape.reduce((product, length) => product * length, 1);
    const bytes = await file.read(offset, count * size);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const data = dtype === 'float64' || dtype.startsWith('int') ? new Float64Array(count) : new Float32Array(count);
    for (let i = 0; i < count; i++) data[i] = read(view, i * size);
    return { dtype, shape, data };
  });
}

async function withTensor<T>(
  path: string,
  files: ModelFiles,
  use: (file: OpenFile, place: Place) => Promise<T>,
): Promise<T> {
  try {
    const file = await files.open(path);
    try {
      const place = await (path.toLowerCase().endsWith('.safetensors') ? safetensorsPlace : npyPlace)(file, path);
      const { size } = elements[place.dtype]!;
      const bytes = place.shape.reduce((product, length) => product * length, size);
      if (!Number.isSafeInteger(bytes) || place.offset + bytes > file.size) {
        throw refuse(path, `it ends before the values of its shape [${place.shape.join(', ')}]`);
      }
      return await use(file, place);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw readFileError(error, path);
  }
}

/** NPY format, versions 1 to 3: magic, version, header length (2 or 4 bytes), a Python dictionary, the values. */
async function npyPlace(file: OpenFile, path: string): Promise<Place> {
  const start = await file.read(0, Math.min(12, file.size));
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  if (start.length < 12 || new TextDecoder('latin1').decode(start.subarray(0, 6)) !== '\x93NUMPY') {
    throw refuse(path, 'it is neither a .npy nor a .safetensors file');
  }
  const short = start[6] === 1;
  const from = short ? 10 : 12;
  const length = short ? view.getUint16(8, true) : view.getUint32(8, true);
  const header = new TextDecoder('latin1').decode(await readHeader(file, path, from, length));
  const descr = /'descr': *'([^']*)'/.exec(header)?.[1] ?? '';
  const shape = /'shape': *\(([^)]*)\)/.exec(header)?.[1];
  const dtype = npyTypes[descr];
  if (dtype === undefined || shape === undefined) {
    throw refuse(path, `its element type ${descr} is not one of ${Object.keys(npyTypes).join(', ')}`);
  }
  if (/'fortran_order': *True/.test(header)) {
    throw refuse(path, 'it is in Fortran order; save numpy.ascontiguousarray(…) of it');
  }
  const sizes = shape.split(',').filter((part) => part.trim() !== '');
  return { dtype, shape: sizes.map(Number), offset: from + length };
}

const npyTypes: Readonly<Record<string, string>> = {
  '<f2': 'float16',
  '<f4': 'float32',
  '<f8': 'float64',
  '<i4': 'int32',
  '<i8': 'int64',
};

const safetensorsTypes: Readonly<Record<string, string>> = {
  F16: 'float16',
  BF16: 'bfloat16',
  F32: 'float32',
  F64: 'float64',
  I32: 'int32',
  I64: 'int64',
};

/** Safetensors: header length (8 bytes), a JSON object of tensors by name, the values. */
async function safetensorsPlace(file: OpenFile, path: string): Promise<Place> {
  const start = await file.read(0, Math.min(8, file.size));
  const length = start.length < 8 ? Infinity : Number(new DataView(start.buffer).getBigUint64(0, true));
  const header = parseJson(new TextDecoder().decode(await readHeader(file, path, 8, length)));
  const tensors = Object.entries(isObject(header) ? header : {}).filter(([name]) => name !== '__metadata__');
  const names = tensors.map(([name]) => name);
  const [found] = tensors.map(([, value]) => value);
  if (tensors.length !== 1 || !isObject(found)) {
    throw refuse(path, `it must hold one tensor, but it holds ${names.length === 0 ? 'none' : names.join(', ')}`);
  }
  const { dtype: stored, shape, data_offsets: offsets } = found;
  const dtype = safetensorsTypes[String(stored)];
  if (dtype === undefined) {
    throw refuse(path, `its element type ${String(stored)} is not one of ${Object.keys(safetensorsTypes).join(', ')}`);
  }
  const [begin] = Array.isArray(offsets) ? (offsets as unknown[]) : [];
  if (!isSizes(shape) || !isSizes([begin])) throw refuse(path, 'its header is damaged');
  return { dtype, shape, offset: 8 + length + Number(begin) };
}

async function readHeader(file: OpenFile, path: string, from: number, length: number): Promise<Uint8Array> {
  if (length > largestHeader || from + length > file.size) throw refuse(path, 'its header is damaged');
  return file.read(from, length);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function refuse(path: string, reason: string): OnnxError {
  return new OnnxError('unreadable', `${path} cannot be used: ${reason}.`);
}
