import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { dirname, join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { parseLoggedEvent } from '../protocol';
import type { LoggedEvent, RunEvent } from '../protocol';

/** The folder of one run. Every write but the log is atomic: temporary file, flush, rename. */
export class RunFolder {
  private nextSeq = 0;
  private opened = false;

  /** @param stream gets every event after it was written. */
  constructor(
    readonly path: string,
    private readonly stream: (event: LoggedEvent) => void,
  ) {}

  /** Makes the folder, or continues the log that is there. */
  open(): void {
    mkdirSync(join(this.path, 'samples'), { recursive: true });
    this.opened = true;
    const log = this.file('events.jsonl');
    if (!existsSync(log)) return;
    dropTornLine(log);
    for (const line of readFileSync(log, 'utf8').split('\n')) {
      const event = parseLoggedEvent(line);
      if (event) this.nextSeq = event.seq + 1;
    }
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** Appends to `events.jsonl` first and streams second. */
  emit(event: RunEvent): void {
    const logged: LoggedEvent = { ...event, seq: this.nextSeq, at: Date.now() };
    this.nextSeq += 1;
    try {
      // A run that fails before its folder is open leaves no trace there (an older run's log may be in it).
      if (this.opened) appendFileSync(this.file('events.jsonl'), `${JSON.stringify(logged)}\n`);
    } catch (error) {
      // A run must be able to say that the disk is full; everything else it does needs the log.
      if (event.kind !== 'finished') throw error;
    }
    this.stream(logged);
  }

  async write(name: string, content: string | Uint8Array): Promise<void> {
    const path = this.file(name);
    mkdirSync(dirname(path), { recursive: true });
    await writeFileAtomic(path, typeof content === 'string' ? content : Buffer.from(content));
  }

  read(name: string): string | undefined {
    const path = this.file(name);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  }
}

/** A killed process may leave half a line; the next event must start on a line of its own. */
function dropTornLine(log: string): void {
  const text = readFileSync(log);
  const end = text.lastIndexOf(0x0a) + 1;
  if (end < statSync(log).size) truncateSync(log, end);
}
