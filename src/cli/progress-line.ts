import type { WriteStream } from 'node:tty';
import { duration } from './terminal-view';

const everyMs = 100;

/** One line at the bottom of a terminal that says how far something is; nothing where there is no terminal. */
export class ProgressLine {
  private readonly start = Date.now();
  private last = 0;

  constructor(private readonly out: WriteStream) {}

  /** @param total null while nobody knows */
  show(done: number, total: number | null): void {
    const now = Date.now();
    if (!this.out.isTTY || now - this.last < everyMs) return;
    this.last = now;
    const left = total === null || done === 0 ? null : ((now - this.start) * (total - done)) / done;
    const of = total === null ? '' : ` of ${total}`;
    this.out.write(`\r\x1b[K${done}${of} evaluations${left === null ? '' : `, ${duration(left)} left`}`);
  }

  clear(): void {
    if (this.out.isTTY && this.last > 0) this.out.write('\r\x1b[K');
  }
}
