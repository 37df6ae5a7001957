import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ResolvedConfig } from '../config/resolved';
import { openModelFile } from '../onnx/open-file';
import { openPipelineFolder } from '../onnx/pipeline-folder';
import { hashModel } from './model-hash';

/** A file that decides what a run learns. */
export interface RunInput {
  /** The key of solver.yaml that names it, or that it is needed for. */
  readonly key: string;
  readonly path: string;
  /** Of a network: with its weights in other files; of a text encoder: with its tokenizer. */
  readonly sha256: string;
}

/**
 * All the files that the losses of a run depend on: a run that went on with another one would end in a table that no
 * unbroken run gives. Files that only judge its results are not among them. In an order that the config alone decides.
 *
 * @param modelHash of the network that is learned for, which was read before
 * @throws OnnxError for a network that cannot be read, and the system's error for any other file
 */
export async function runInputs(
  { model, objective }: Pick<ResolvedConfig, 'model' | 'objective'>,
  modelHash: string,
  signal?: AbortSignal,
): Promise<RunInput[]> {
  const folder = await openPipelineFolder(model.path);
  const inputs: RunInput[] = [{ key: 'model.path', path: folder.denoiser, sha256: modelHash }];
  const add = async (key: string, path: string, others: readonly string[] = []): Promise<void> => {
    inputs.push({ key, path, sha256: await hashModel(path, others, signal) });
  };
  const addNetwork = async (key: string, path: string, others: readonly string[] = []): Promise<void> => {
    const { weights } = await openModelFile(path);
    await add(key, path, [...(weights?.files ?? []), ...others]);
  };
  const { prompts, tensors, unconditional_tensors: others } = model.conditioning;
  if (prompts.length > 0) {
    for (const { model: encoder, tokenizer } of folder.textEncoders) {
      const files = tokenizerFiles.map((name) => join(tokenizer, name)).filter((path) => existsSync(path));
      await addNetwork('model.conditioning.prompts', encoder, files);
    }
  }
  for (const [name, path] of Object.entries(tensors)) await add(`model.conditioning.tensors.${name}`, path);
  for (const [name, path] of Object.entries(others)) {
    await add(`model.conditioning.unconditional_tensors.${name}`, path);
  }
  if (objective.space === 'decoded' && folder.vaeDecoder !== null) {
    await addNetwork('objective.space', folder.vaeDecoder);
  }
  if (objective.network !== null) await addNetwork('objective.network', objective.network);
  if (objective.sample_weights !== null) await add('objective.sample_weights', objective.sample_weights);
  return inputs;
}

const tokenizerFiles = ['tokenizer.json', 'tokenizer_config.json', 'vocab.json', 'merges.txt'];
