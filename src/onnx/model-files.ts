import { open, realpath, stat } from 'node:fs/promises';
import { OnnxError } from './errors';

/** A file opened for reading. */
export interface OpenFile {
  /** Bytes. */
  readonly size: number;
  /** The bytes from `offset` on; the range must lie inside the file. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** What opening a model asks of the file system: all of it, so that a test can see what is touched. */
export interface ModelFiles {
  /** The path without symbolic links. */
  realpath(path: string): Promise<string>;
  open(path: string): Promise<OpenFile>;
}

/** One call of the operating system reads at most 2 GiB. */
const largestRead = 2 ** 30;

/** Files on disk. Pipes and devices are refused: reading them may never end. Other errors are Node's. */
export const diskFiles: ModelFiles = {
  realpath: (path) => realpath(path),
  async open(path) {
    const found = await stat(path);
    if (found.isDirectory()) throw Object.assign(new Error(`${path} is a folder`), { code: 'EISDIR' });
    if (!found.isFile()) throw new OnnxError('unreadable', `${path} is no ordinary file; a file is needed here.`);
    const handle = await open(path, 'r');
    return {
      size: found.size,
      async read(offset, length) {
        const bytes = new Uint8Array(length);
        for (let done = 0; done < length;) {
          const { bytesRead } = await handle.read(bytes, done, Math.min(length - done, largestRead), offset + done);
          if (bytesRead === 0) {
            throw new OnnxError(
              'unreadable',
              `${path} became shorter while it was read; try again when it is complete.`,
            );
          }
          done += bytesRead;
        }
        return bytes;
      },
      close: () => handle.close(),
    };
  },
};

/** The most that a protobuf message, and so an .onnx file, can hold. */
const largestFile = 2 ** 31 - 1;

/** @throws OnnxError `unreadable` for files that cannot be one model */
export function checkSize(path: string, size: number): void {
  if (size <= largestFile) return;
  throw new OnnxError(
    'unreadable',
    `${path} has ${(size / 2 ** 30).toFixed(1)} GiB, and an .onnx file cannot be larger than 2 GiB; ` +
      'export it with its weights as external data (torch.onnx.export(…, external_data=True)).',
  );
}
