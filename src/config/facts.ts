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
      /** Present when `model.path` is a folder. */
      readonly folder?: FolderFacts;
    };

export interface TextEncoderFacts {
  /** Size of its hidden states; null when its file does not say. */
  readonly width: number | null;
  readonly hasTokenizer: boolean;
}

/** What stands beside the network in a diffusers-style folder. */
export interface FolderFacts {
  readonly textEncoders: readonly TextEncoderFacts[];
  /** Contents of scheduler_config.json. */
  readonly scheduler: Readonly<Record<string, unknown>> | null;
  /** Whether vae_decoder/model.onnx is there. */
  readonly hasDecoder: boolean;
}

/** What the header of a tensor file says, or why it cannot be read (one sentence). */
export type TensorFacts = { readonly dtype: string; readonly shape: readonly number[] } | { readonly problem: string };

/** What a check knows beyond the text. */
export interface CheckContext {
  /** Folder that relative paths start from: the one of solver.yaml. */
  readonly baseDir: string;
  readonly model?: ModelFacts;
  /** Absolute paths, among those the file names, that do not exist. */
  readonly missingFiles?: readonly string[];
  /** Headers of the tensor files, among those that exist, by absolute path. */
  readonly tensors?: ReadonlyMap<string, TensorFacts>;
}

interface Header {
  readonly inputs: readonly PortFact[];
  readonly outputs: readonly PortFact[];
}

/** Where the parts of a model folder lie. */
interface Folder {
  readonly denoiser: string;
  readonly textEncoders: readonly { readonly model: string; readonly hasTokenizer: boolean }[];
  readonly scheduler: FolderFacts['scheduler'];
  readonly vaeDecoder: string | null;
}

/** How a model's files are read; all may throw an Error with one sentence. */
export interface ModelReader {
  /** The bytes of a file; throws as Node's fs does. */
  readonly read: (path: string) => Promise<Uint8Array>;
  /** Throws on a torn file. */
  readonly parse: (bytes: Uint8Array, label: string) => Header;
  readonly openFolder: (path: string) => Promise<Folder>;
}

/** Reads the facts about a model file, or about the network and the text encoders of a model folder. */
export async function readModelFacts(path: string, reader: ModelReader): Promise<ModelFacts> {
  const { read, parse } = reader;
  let bytes: Uint8Array;
  try {
    bytes = await read(path);
  } catch (error) {
    return isFolder(error) ? folderFacts(path, reader) : unreadable(path, error);
  }
  try {
    const { inputs, outputs } = parse(bytes, path);
    return { kind: 'header', path, inputs, outputs };
  } catch (error) {
    return { kind: 'unreadable', path, message: error instanceof Error ? error.message : String(error) };
  }
}

/** Reads the headers of tensor files; one that cannot be read is a fact too. */
export async function readTensorFacts(
  paths: readonly string[],
  readHeader: (path: string) => Promise<{ readonly dtype: string; readonly shape: readonly number[] }>,
): Promise<Map<string, TensorFacts>> {
  const facts = new Map<string, TensorFacts>();
  for (const path of paths) {
    try {
      facts.set(path, await readHeader(path));
    } catch (error) {
      facts.set(path, { problem: error instanceof Error ? error.message : String(error) });
    }
  }
  return facts;
}

async function folderFacts(path: string, reader: ModelReader): Promise<ModelFacts> {
  let folder: Folder;
  try {
    folder = await reader.openFolder(path);
  } catch (error) {
    return { kind: 'unreadable', path, message: error instanceof Error ? error.message : String(error) };
  }
  const facts = await readModelFacts(folder.denoiser, reader);
  if (facts.kind !== 'header') return facts;
  const textEncoders: TextEncoderFacts[] = [];
  for (const { model, hasTokenizer } of folder.textEncoders) {
    const encoder = await readModelFacts(model, reader);
    if (encoder.kind !== 'header') return encoder;
    const states = encoder.outputs.find(({ name }) => name === 'last_hidden_state')?.shape?.at(-1);
    textEncoders.push({ width: typeof states === 'number' ? states : null, hasTokenizer });
  }
  return { ...facts, folder: { textEncoders, scheduler: folder.scheduler, hasDecoder: folder.vaeDecoder !== null } };
}

function isFolder(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'EISDIR';
}

function unreadable(path: string, error: unknown): ModelFacts {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'missing', path };
  if (code === 'EACCES' || code === 'EPERM') {
    return { kind: 'unreadable', path, message: `${path} cannot be read: permission denied.` };
  }
  const reason = error instanceof Error ? error.message : String(error);
  return { kind: 'unreadable', path, message: `${path} cannot be read: ${reason}` };
}
