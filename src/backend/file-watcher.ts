import { unwatchFile, watchFile } from 'node:fs';

const pollMs = 2000;

/**
 * Notices when files that open documents name come, change or go. It polls a handful of paths: that also works on
 * network disks, for files that do not exist yet, and for editors that cannot watch files for us.
 */
export class FileWatcher {
  private readonly paths = new Map<string, readonly string[]>();
  private readonly listeners = new Map<string, () => void>();

  /** @param onChanged is told the documents that name the file. */
  constructor(private readonly onChanged: (uris: readonly string[]) => void) {}

  /** Sets the absolute paths that a document names; none when it is closed. */
  watch(uri: string, paths: readonly string[]): void {
    if (paths.length === 0) this.paths.delete(uri);
    else this.paths.set(uri, paths);
    const wanted = new Set([...this.paths.values()].flat());
    for (const [path, listener] of this.listeners) {
      if (wanted.has(path)) continue;
      unwatchFile(path, listener);
      this.listeners.delete(path);
    }
    for (const path of wanted) {
      if (this.listeners.has(path)) continue;
      const listener = () =>
        this.onChanged([...this.paths].filter(([, all]) => all.includes(path)).map(([uri]) => uri));
      this.listeners.set(path, listener);
      watchFile(path, { persistent: false, interval: pollMs }, listener);
    }
  }
}
