import { appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseLoggedEvent } from '../protocol';
import type { LoggedEvent, RunEvent } from '../protocol';
import { isTemporary, writeAtomic } from './atomic-write';
import { takeLock } from './run-lock';

/** The folder of one run. Every write but the log is atomic. */
export class RunFolder {
  private nextSeq = 0;
  private opened = false;
  private unlock: (() => void) | undefined;

  /** @param stream gets every event after it was written. */
  constructor(
    readonly path: string,
    private readonly stream: (event: LoggedEvent) => void,
  ) {}

  /**
   * Makes the folder, or continues the log that is there.
   *
   * @throws UserError when another process has it open
   */
  open(): void {
    mkdirSync(this.file('samples'), { recursive: true });
    this.unlock = takeLock(this.file('run.lock'));
    this.removeTemporaries();
    const log = this.file('events.jsonl');
    if (existsSync(log)) {
      dropTornLine(log);
      for (const line of readFileSync(log, 'utf8').split('\n')) {
        const event = parseLoggedEvent(line);
        if (event) this.nextSeq = event.seq + 1;
      }
    }
    this.opened = true;
  }

  /** Lets other processes have it. */
  close(): void {
    this.unlock?.();
    this.unlock = undefined;
  }

  /** Drops log and checkpoint of an older run in this folder; what it made stays until it is overwritten. */
  forget(): void {
    for (const name of ['events.jsonl', 'checkpoint.json']) rmSync(this.file(name), { force: true });
    this.nextSeq = 0;
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** Appends to `events.jsonl` first and streams second. */
  emit(event: RunEvent): void {
    const logged: LoggedEvent = { ...event, seq: this.nextSeq, at: Date.now() };
    try {
      // A run that fails before its folder is open leaves no trace there (an older run's log may be in it).
      if (this.opened) this.append(`${JSON.stringify(logged)}\n`);
    } catch (error) {
      // A run must be able to say that the disk is full; everything else it does needs the log.
      if (event.kind !== 'finished') throw error;
    }
    this.nextSeq += 1;
    this.stream(logged);
  }

  async write(name: string, content: string | Uint8Array): Promise<void> {
    const path = this.file(name);
    mkdirSync(dirname(path), { recursive: true });
    await writeAtomic(path, content);
  }

  read(name: string): string | undefined {
    const path = this.file(name);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  }

  private append(line: string): void {
    const log = this.file('events.jsonl');
    try {
      appendFileSync(log, line);
    } catch (error) {
      // A full disk may have taken half the line; what is appended next must start on a line of its own.
      if (existsSync(log)) dropTornLine(log);
      throw Object.assign(error as NodeJS.ErrnoException, { path: log });
    }
  }

  private removeTemporaries(): void {
    for (const name of readdirSync(this.path, { recursive: true, encoding: 'utf8' })) {
      if (isTemporary(basename(name))) rmSync(this.file(name), { force: true });
    }
  }
}

/** A killed process may leave half a line; the next event must start on a line of its own. */
function dropTornLine(log: string): void {
  const text = readFileSync(log);
  const end = text.lastIndexOf(0x0a) + 1;
  if (end < text.length) truncateSync(log, end);
}
