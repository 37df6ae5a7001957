import { dirname } from 'node:path';
import { checkSolverYaml, readTensorFacts, referencedFiles } from '../config';
import type { Checked } from '../config';
import { readTensorHeader } from '../onnx/tensor-file';
import { missingOf, ModelCache } from './model-cache';

/** Checks texts of solver.yaml with what the disk says about the files they name. */
export class Checker {
  private readonly models = new ModelCache();

  /** @param configPath absolute path of the file, or undefined for a text that lies on no disk. */
  async check(text: string, configPath: string | undefined): Promise<Checked> {
    if (configPath === undefined) return checkSolverYaml(text, { baseDir: '/' });
    const baseDir = dirname(configPath);
    const { model, others, tensors } = referencedFiles(text, baseDir);
    const [facts, missingFiles] = await Promise.all([
      model === undefined ? undefined : this.models.facts(model),
      missingOf([...others, ...tensors]),
    ]);
    const present = tensors.filter((path) => !missingFiles.includes(path));
    return checkSolverYaml(text, {
      baseDir,
      missingFiles,
      tensors: await readTensorFacts(present, readTensorHeader),
      ...(facts === undefined ? {} : { model: facts }),
    });
  }
}
