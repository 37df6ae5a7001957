import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { checkSolverYaml, readModelFacts, readTensorFacts, referencedFiles, overrideYaml } from '../config';
import type { Diagnostic, Override, ResolvedConfig } from '../config';
import { modelReader } from '../onnx/model-reader';
import { readTensorHeader } from '../onnx/tensor-file';
import { UserError } from './user-error';

/** solver.yaml has errors; `diagnostics` are those the editor shows. */
export class ConfigError extends UserError {
  constructor(
    readonly path: string,
    readonly text: string,
    readonly diagnostics: readonly Diagnostic[],
  ) {
    const errors = diagnostics.filter((diagnostic) => diagnostic.severity === 'error');
    const first = errors[0];
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
    super(
      'config',
      `${path}:${first ? lineColumn(text, first.start) : '1:1'}: ${first?.message ?? 'has errors.'}${more}`,
    );
  }
}

export interface LoadedConfig {
  readonly text: string;
  readonly diagnostics: readonly Diagnostic[];
  readonly config: ResolvedConfig | undefined;
}

/**
 * Reads and checks a solver.yaml with the facts about the files it names.
 *
 * @param overrides keys that are replaced before the check; `text` then is the replaced text
 */
export async function checkConfigFile(path: string, overrides: readonly Override[] = []): Promise<LoadedConfig> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new UserError('config-missing', `${path} cannot be read. Check the path of solver.yaml.`, { cause: error });
  }
  text = overrideYaml(text, overrides);
  const baseDir = dirname(path);
  const files = referencedFiles(text, baseDir);
  const model = files.model === undefined ? undefined : await readModelFacts(files.model, modelReader);
  const { diagnostics, config } = checkSolverYaml(text, {
    baseDir,
    ...(model === undefined ? {} : { model }),
    missingFiles: [...files.others, ...files.tensors].filter((file) => !existsSync(file)),
    tensors: await readTensorFacts(
      files.tensors.filter((file) => existsSync(file)),
      readTensorHeader,
    ),
  });
  return { text, diagnostics, config };
}

/** @throws ConfigError when anything is wrong. */
export async function loadConfig(path: string, overrides: readonly Override[] = []): Promise<ResolvedConfig> {
  const { text, diagnostics, config } = await checkConfigFile(path, overrides);
  if (!config) throw new ConfigError(path, text, diagnostics);
  return config;
}

/** `line:column`, both from 1. */
export function lineColumn(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  return `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}
