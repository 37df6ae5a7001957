import type { PortFact } from './ports';

/** What is known about the model file; gathered outside, so that checks need no file system. */
export type ModelFacts =
  | { readonly kind: 'missing'; readonly path: string }
  | { readonly kind: 'unreadable'; readonly path: string; readonly message: string }
  | {
      readonly kind: 'header';
      readonly path: string;
      readonly inputs: readonly PortFact[];
      readonly outputs: readonly PortFact[];
    };

/** What a check knows beyond the text. */
export interface CheckContext {
  /** Folder that relative paths start from: the one of solver.yaml. */
  readonly baseDir: string;
  readonly model?: ModelFacts;
  /** Absolute paths, among those the file names, that do not exist. */
  readonly missingFiles?: readonly string[];
}

interface Header {
  readonly inputs: readonly PortFact[];
  readonly outputs: readonly PortFact[];
}

/** Reads a model's facts. `read` gives the bytes of a file or throws as Node's fs does; `parse` throws on a torn file. */
export async function readModelFacts(
  path: string,
  read: (path: string) => Promise<Uint8Array>,
  parse: (bytes: Uint8Array, label: string) => Header,
): Promise<ModelFacts> {
  let bytes: Uint8Array;
  try {
    bytes = await read(path);
  } catch (error) {
    return unreadable(path, error);
  }
  try {
    const { inputs, outputs } = parse(bytes, path);
    return { kind: 'header', path, inputs, outputs };
  } catch (error) {
    return { kind: 'unreadable', path, message: error instanceof Error ? error.message : String(error) };
  }
}

function unreadable(path: string, error: unknown): ModelFacts {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'missing', path };
  if (code === 'EISDIR') {
    const message = `${path} is a folder; name the .onnx file of the denoising network inside it.`;
    return { kind: 'unreadable', path, message };
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return { kind: 'unreadable', path, message: `${path} cannot be read: permission denied.` };
  }
  const reason = error instanceof Error ? error.message : String(error);
  return { kind: 'unreadable', path, message: `${path} cannot be read: ${reason}` };
}
