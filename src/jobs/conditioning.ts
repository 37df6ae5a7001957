import { createHash } from 'node:crypto';
import { promptInputs } from '../config';
import type { ConditioningConfig, ResolvedConfig } from '../config';
import type { PipelineFolder } from '../onnx/pipeline-folder';
import { readTensorFile } from '../onnx/tensor-file';
import type { ConditioningTensor } from '../runtime/onnx-denoiser';
import { TextEncoder } from '../runtime/text-encoder';
import type { EncodedText } from '../runtime/text-encoder';
import { UserError } from './user-error';

/** What the network is asked to make, ready to be fed. Conditions are counted from 0 and drawn in turn. */
export interface Conditioning {
  /** 0 for an unconditional model. */
  readonly count: number;
  readonly tensors: readonly ConditioningTensor[];
  /** SHA-256 of everything that is fed: labels, values of tensors, guidance. */
  readonly identity: string;
  /** Sentences for a person. */
  readonly warnings: readonly string[];
}

/** Reads or encodes the conditions of a config, once a run; text encoders are gone again when it returns. */
export async function openConditioning(
  { model }: ResolvedConfig,
  folder: PipelineFolder,
  signal?: AbortSignal,
): Promise<Conditioning> {
  const given = model.conditioning;
  const warnings: string[] = [];
  let tensors: readonly ConditioningTensor[] = [];
  if (given.prompts.length > 0) tensors = await encodePrompts(given, folder, model.sample_shape, warnings, signal);
  else if (Object.keys(given.tensors).length > 0) tensors = await readTensors(given);
  const [first] = tensors;
  const count = first ? rowsOf(first, first.rows) : given.class_labels.length;
  return { count, tensors, identity: identityOf(given, tensors), warnings };
}

function rowsOf({ shape }: ConditioningTensor, values: ArrayLike<number>): number {
  return values.length / shape.reduce((product, length) => product * length, 1);
}

function identityOf(given: ConditioningConfig, tensors: readonly ConditioningTensor[]): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([given.class_labels, given.unconditional_label, given.guidance_scale]));
  const { guidance_interval, guidance_rescale } = given;
  // Without them as it was before they were, so that cached samples of teachers stay good.
  if (guidance_interval) hash.update(JSON.stringify({ guidance_interval }));
  if (guidance_rescale > 0) hash.update(JSON.stringify({ guidance_rescale }));
  for (const { input, shape, rows, unconditional } of tensors) {
    hash.update(JSON.stringify([input, shape, rows.length, unconditional?.length ?? 0]));
    for (const values of unconditional ? [rows, unconditional] : [rows]) {
      hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
  }
  return hash.digest('hex');
}

async function readTensors(given: ConditioningConfig): Promise<ConditioningTensor[]> {
  const tensors: ConditioningTensor[] = [];
  for (const [input, path] of Object.entries(given.tensors)) {
    const { shape, data } = await readTensorFile(path);
    const other = given.guidance_scale === 1 ? undefined : given.unconditional_tensors[input];
    const unconditional = other === undefined ? null : (await readTensorFile(other)).data;
    tensors.push({ input, shape: shape.slice(1), rows: data, unconditional });
  }
  return tensors;
}

/** As diffusers' pipelines of Stable Diffusion (one text encoder) and SDXL (two) encode prompts. */
async function encodePrompts(
  given: ConditioningConfig,
  folder: PipelineFolder,
  sampleShape: readonly number[],
  warnings: string[],
  signal?: AbortSignal,
): Promise<ConditioningTensor[]> {
  const guided = given.guidance_scale !== 1;
  const texts = guided ? [...given.prompts, given.negative_prompt] : given.prompts;
  const several = folder.textEncoders.length > 1;
  const columns: EncodedText[][] = [];
  for (const files of folder.textEncoders) {
    const encoder = await TextEncoder.open(files);
    try {
      const encoded: EncodedText[] = [];
      for (const text of texts) encoded.push(await encoder.encode(text, several, signal));
      columns.push(encoded);
    } finally {
      await encoder.release();
    }
  }
  for (const [i, { dropped, length }] of (columns[0] ?? []).entries()) {
    if (dropped === 0) continue;
    const text = texts[i] ?? '';
    const start = text.length > 40 ? `${text.slice(0, 40)}…` : text;
    warnings.push(
      `The prompt "${start}" is longer than the ${length} tokens of the text encoder: its last ${dropped} are left out.`,
    );
  }
  const zeros = several && folder.zerosForEmptyPrompt && given.negative_prompt === '';
  const tensor = (input: string, rows: readonly Row[]): ConditioningTensor => {
    const values = rows.map(({ data }) => Float32Array.from(data));
    const other = guided ? values.pop()! : null;
    return {
      input,
      shape: rows[0]!.shape,
      rows: concatenate(values),
      unconditional: zeros ? (other?.fill(0) ?? null) : other,
    };
  };
  const [states = '', pooled, timeIds] = promptInputs(folder.textEncoders.length);
  const made = [
    tensor(
      states,
      texts.map((_, i) => sideBySide(columns.map((column) => column[i]!.states))),
    ),
  ];
  if (pooled !== undefined && timeIds !== undefined) {
    made.push(
      tensor(
        pooled,
        columns.at(-1)!.map((encoded) => pooledOf(encoded, folder)),
      ),
    );
    made.push({ ...imageSizes(sampleShape, given.prompts.length), input: timeIds });
  }
  return made;
}

interface Row {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** [tokens, w_1 + w_2 + …] of states [tokens, w_i]. */
function sideBySide(states: readonly Row[]): Row {
  const [only] = states;
  if (only !== undefined && states.length === 1) return only;
  const tokens = only?.shape[0] ?? 0;
  const widths = states.map(({ shape }) => shape[1] ?? 0);
  const width = widths.reduce((sum, w) => sum + w, 0);
  const data = new Float32Array(tokens * width);
  let left = 0;
  states.forEach((state, part) => {
    const w = widths[part]!;
    for (let i = 0; i < tokens * w; i++) data[Math.floor(i / w) * width + left + (i % w)] = state.data[i]!;
    left += w;
  });
  return { shape: [tokens, width], data };
}

function pooledOf({ pooled }: EncodedText, folder: PipelineFolder): Row {
  if (pooled) return pooled;
  throw new UserError(
    'text-encoder',
    `${folder.textEncoders.at(-1)?.model ?? 'The second text encoder'} has no output text_embeds, which SDXL needs; export it as CLIPTextModelWithProjection.`,
  );
}

/** Pixels along an axis for each latent element of SDXL. */
const pixelsPerLatent = 8;

/** SDXL's time_ids: the image is whole, of the size that is made. Row: [height, width, top, left, height, width]. */
function imageSizes([, h = 1, w = 1]: readonly number[], count: number): Omit<ConditioningTensor, 'input'> {
  const size = [h * pixelsPerLatent, w * pixelsPerLatent];
  const row = [...size, 0, 0, ...size];
  const rows = Float32Array.from({ length: 6 * count }, (_, i) => row[i % 6]!);
  return { shape: [6], rows, unconditional: Float32Array.from(row) };
}
