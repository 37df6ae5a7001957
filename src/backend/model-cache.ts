import { access, stat } from 'node:fs/promises';
import { readModelFacts } from '../config';
import type { ModelFacts } from '../config';
import { modelReader } from '../onnx/model-reader';
import { pipelineFiles } from '../onnx/pipeline-folder';

interface Entry {
  readonly stamp: string;
  readonly facts: Promise<ModelFacts>;
}

/** Models of the files open at once; more are read again when they are needed. */
const maxEntries = 16;

/** Reads each model file or folder once for every state it has on disk. */
export class ModelCache {
  private readonly entries = new Map<string, Entry>();

  async facts(path: string): Promise<ModelFacts> {
    const stamp = (await Promise.all(pipelineFiles(path).map(stampOf))).join(', ');
    const known = this.entries.get(path);
    if (known?.stamp === stamp) return known.facts;
    const facts = readModelFacts(path, modelReader);
    this.entries.delete(path);
    this.entries.set(path, { stamp, facts });
    const [oldest] = this.entries.keys();
    if (this.entries.size > maxEntries && oldest !== undefined) this.entries.delete(oldest);
    return facts;
  }
}

async function stampOf(path: string): Promise<string> {
  try {
    const { mtimeMs, size } = await stat(path);
    return `${mtimeMs} ${size}`;
  } catch {
    // Reading it will say why.
    return 'absent';
  }
}

export async function missingOf(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    paths.map((path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  return paths.filter((_, i) => found[i] !== true);
}
