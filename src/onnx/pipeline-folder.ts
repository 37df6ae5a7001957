import { readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { OnnxError } from './errors';
import { readFileError } from './file-error';

/** A text encoder of a pipeline with the folder of its tokenizer. */
export interface TextEncoderFiles {
  readonly model: string;
  readonly tokenizer: string;
  readonly hasTokenizer: boolean;
}

/** Where the parts of a model lie, as absolute paths. A bare .onnx file is a pipeline of nothing but its network. */
export interface PipelineFolder {
  readonly denoiser: string;
  /** In the order in which their hidden states are concatenated. */
  readonly textEncoders: readonly TextEncoderFiles[];
  readonly vaeDecoder: string | null;
  /** Contents of scheduler/scheduler_config.json, or null. */
  readonly scheduler: Readonly<Record<string, unknown>> | null;
  /** SDXL: an empty negative prompt is zeros instead of the encoding of nothing. */
  readonly zerosForEmptyPrompt: boolean;
}

const denoisers = ['unet/model.onnx', 'transformer/model.onnx'];
const encoders = [
  ['text_encoder/model.onnx', 'tokenizer'],
  ['text_encoder_2/model.onnx', 'tokenizer_2'],
] as const;
const vaeDecoder = 'vae_decoder/model.onnx';
const schedulerConfig = 'scheduler/scheduler_config.json';

/** The files that decide what a check says about `model.path`, whether they exist or not. */
export function pipelineFiles(path: string): string[] {
  if (extname(path) === '.onnx') return [path];
  const parts = ['model_index.json', ...denoisers, ...encoders.map(([model]) => model), vaeDecoder, schedulerConfig];
  return [path, ...parts.map((part) => join(path, part))];
}

/**
 * The parts of a diffusers-style folder of ONNX files (`model_index.json`, `unet/model.onnx` or `transformer/model.onnx`,
 * and what else there is of text encoders, tokenizers, `vae_decoder` and `scheduler`), or of a single .onnx file.
 *
 * @throws OnnxError `unreadable` for a folder that is no pipeline
 */
export async function openPipelineFolder(path: string): Promise<PipelineFolder> {
  if (!(await isFolder(path))) {
    return { denoiser: path, textEncoders: [], vaeDecoder: null, scheduler: null, zerosForEmptyPrompt: false };
  }
  const index = await readJson(join(path, 'model_index.json'));
  if (index === null) {
    throw new OnnxError(
      'unreadable',
      `${path} is a folder without model_index.json; name the .onnx file of the denoising network inside it, or a diffusers-style ONNX folder.`,
    );
  }
  const existing = async (...parts: string[]): Promise<string[]> => {
    const paths = parts.map((part) => join(path, part));
    const found = await Promise.all(paths.map(isFile));
    return paths.filter((_, i) => found[i]);
  };
  const [denoiser] = await existing(...denoisers);
  if (denoiser === undefined) {
    throw new OnnxError(
      'unreadable',
      `${path} holds no ${denoisers.join(' and no ')}; export the pipeline to ONNX, for example with optimum-cli.`,
    );
  }
  const textEncoders: TextEncoderFiles[] = [];
  for (const [part, tokenizer] of encoders) {
    const [model] = await existing(part);
    if (model === undefined) continue;
    const found = await existing(join(tokenizer, 'tokenizer.json'), join(tokenizer, 'vocab.json'));
    textEncoders.push({ model, tokenizer: join(path, tokenizer), hasTokenizer: found.length > 0 });
  }
  return {
    denoiser,
    textEncoders,
    vaeDecoder: (await existing(vaeDecoder))[0] ?? null,
    scheduler: await readJson(join(path, schedulerConfig)),
    zerosForEmptyPrompt: index['force_zeros_for_empty_prompt'] === true,
  };
}

/**
 * The object in a JSON file, or null when there is no such file.
 *
 * @throws OnnxError `unreadable` for anything but an object
 */
export async function readJson(path: string): Promise<Record<string, unknown> | null> {
  if (!(await isFile(path))) return null;
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw readFileError(error, path);
  }
  throw new OnnxError('unreadable', `${path} does not hold a JSON object; copy it from the exported pipeline again.`);
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
