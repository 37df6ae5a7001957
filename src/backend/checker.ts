import { unwatchFile, watchFile } from 'node:fs';
import { dirname } from 'node:path';
import { checkSolverYaml, referencedFiles } from '../config';
import type { Checked } from '../config';
import { missingOf, ModelCache } from './model-cache';

const pollMs = 2000;

/** Checks texts of solver.yaml with what the disk says about the files they name, and notices when that changes. */
export class Checker {
  private readonly models = new ModelCache();
  /** Files named by each open document. */
  private readonly watched = new Map<string, readonly string[]>();
  private readonly listeners = new Map<string, () => void>();

  /** @param onFilesChanged is told the documents to check again. */
  constructor(private readonly onFilesChanged: (uris: readonly string[]) => void) {}

  /** @param configPath absolute path of the file, or undefined for a text that lies on no disk. */
  async check(text: string, configPath: string | undefined): Promise<Checked> {
    if (configPath === undefined) return checkSolverYaml(text, { baseDir: '/' });
    const baseDir = dirname(configPath);
    const { model, others } = referencedFiles(text, baseDir);
    const [facts, missingFiles] = await Promise.all([
      model === undefined ? undefined : this.models.facts(model),
      missingOf(others),
    ]);
    return checkSolverYaml(text, { baseDir, missingFiles, ...(facts === undefined ? {} : { model: facts }) });
  }

  /** Watches the files that an open document names; polling also sees network disks and files that do not exist yet. */
  watch(uri: string, text: string, configPath: string): void {
    const { model, others } = referencedFiles(text, dirname(configPath));
    this.watched.set(uri, model === undefined ? others : [model, ...others]);
    this.updateWatches();
  }

  unwatch(uri: string): void {
    this.watched.delete(uri);
    this.updateWatches();
  }

  private updateWatches(): void {
    const wanted = new Set([...this.watched.values()].flat());
    for (const [path, listener] of this.listeners) {
      if (wanted.has(path)) continue;
      unwatchFile(path, listener);
      this.listeners.delete(path);
    }
    for (const path of wanted) {
      if (this.listeners.has(path)) continue;
      const listener = () => {
        this.onFilesChanged([...this.watched].filter(([, paths]) => paths.includes(path)).map(([uri]) => uri));
      };
      this.listeners.set(path, listener);
      watchFile(path, { persistent: false, interval: pollMs }, listener);
    }
  }
}
