import { checkSize, diskFiles, type ModelFiles, type OpenFile } from './model-files';
import { readVarint, tornFile } from './read';

/** A message of the ONNX format: the fields to look into, and those that may hold a weight's values. */
interface Layout {
  readonly inside: Readonly<Record<number, Layout>>;
  readonly values: readonly number[];
}

/** TensorProto: float_data, int32_data, int64_data, raw_data, double_data, uint64_data. */
const tensor: Layout = { inside: {}, values: [4, 5, 7, 9, 10, 11] };
/** AttributeProto.t, inside NodeProto.attribute. */
const node: Layout = { inside: { 5: { inside: { 5: tensor }, values: [] } }, values: [] };
/** GraphProto.node and GraphProto.initializer, inside ModelProto.graph. */
const model: Layout = { inside: { 7: { inside: { 1: node, 5: tensor }, values: [] } }, values: [] };

/** Values up to this size stay: with them shapes can be worked out. */
const largestKept = 32_768;

/** Bytes that are read at once. */
const blockSize = 2 ** 16;

/**
 * The bytes of a model file without the values of its large weights, which are neither read nor kept: a model of the same
 * nodes, ports and dimensions, for those who only ask for its header. An editor can afford this for files of any size.
 *
 * @throws OnnxError (`not-onnx`) for truncated or foreign files, (`unreadable`) for those above 2 GiB, and Node's errors
 */
export async function readSkeleton(path: string, files: ModelFiles = diskFiles): Promise<Uint8Array<ArrayBuffer>> {
  const file = await files.open(path);
  try {
    checkSize(path, file.size);
    if (file.size <= blockSize) return await file.read(0, file.size);
    return join(await copyMessage(new Reader(file, path), 0, file.size, model));
  } finally {
    await file.close();
  }
}

/** The fields between two offsets; the lengths of messages that lost something are written anew. */
async function copyMessage(
  reader: Reader,
  from: number,
  end: number,
  { inside, values }: Layout,
): Promise<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  for (let at = from; at < end;) {
    const start = at;
    const key = await reader.varint(at, end);
    const [field, wireType] = [Math.floor(key.value / 8), key.value % 8];
    if (wireType !== 2) {
      at = wireType === 0 ? (await reader.varint(key.end, end)).end : key.end + (fixedSizes[wireType] ?? Infinity);
      reader.checkEnd(start, at, end);
      parts.push(await reader.bytes(start, at - start));
      continue;
    }
    const length = await reader.varint(key.end, end);
    at = length.end + length.value;
    reader.checkEnd(start, at, end);
    const layout = inside[field];
    if (length.value <= largestKept || (layout === undefined && !values.includes(field))) {
      parts.push(await reader.bytes(start, at - start));
    } else if (layout !== undefined) {
      const content = await copyMessage(reader, length.end, at, layout);
      const size = content.reduce((sum, part) => sum + part.length, 0);
      parts.push(await reader.bytes(start, key.end - start), toVarint(size), ...content);
    }
  }
  return parts;
}

const fixedSizes: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

function toVarint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Reads a file in blocks, since a header is many small fields beside each other. */
class Reader {
  private block: Uint8Array = new Uint8Array();
  private start = 0;

  constructor(
    private readonly file: OpenFile,
    private readonly path: string,
  ) {}

  async bytes(offset: number, length: number): Promise<Uint8Array> {
    if (length > blockSize) return this.file.read(offset, length);
    if (offset < this.start || offset + length > this.start + this.block.length) {
      this.start = offset;
      this.block = await this.file.read(offset, Math.min(blockSize, this.file.size - offset));
    }
    return this.block.subarray(offset - this.start, offset - this.start + length);
  }

  /** A varint and the offset behind it. */
  async varint(offset: number, end: number): Promise<{ value: number; end: number }> {
    const found = readVarint(await this.bytes(offset, Math.min(10, end - offset)), 0);
    if (found === undefined) throw tornFile(this.path, offset, this.file.size);
    return { value: found.value, end: offset + found.end };
  }

  checkEnd(start: number, at: number, end: number): void {
    if (!(at <= end)) throw tornFile(this.path, start, this.file.size);
  }
}
