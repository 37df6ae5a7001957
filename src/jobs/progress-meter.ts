import type { Phase, RunEvent } from '../protocol';

interface Stage {
  readonly phase: Phase;
  readonly nfe: number | null;
  planned: number;
  done: number;
}

const minIntervalMs = 100;
/** The rate forgets what is older than about this. */
const memoryMs = 20_000;

/**
 * Progress of a whole run in model evaluations. Stages are planned up front; one that ends early (a cache hit, early
 * stopping) gives its rest back, so the fraction never falls.
 */
export class ProgressMeter {
  private readonly stages: Stage[] = [];
  private current: Stage | undefined;
  private message = '';
  private lastEmit = 0;
  private lastTick: number;
  private rate = 0;
  private shown = 0;

  constructor(
    private readonly emit: (event: RunEvent) => void,
    private readonly now: () => number = Date.now,
  ) {
    this.lastTick = now();
  }

  plan(phase: Phase, nfe: number | null, evaluations: number): void {
    this.stages.push({ phase, nfe, planned: Math.max(1, evaluations), done: 0 });
  }

  /**
   * What is left of a phase will take `milliseconds` a stage at most: at the measured rate that bounds what was planned,
   * so that a time budget shows in the ETA.
   */
  limit(phase: Phase, milliseconds: number): void {
    if (this.rate === 0) return;
    for (const stage of this.stages) {
      if (stage.phase !== phase || stage.done === stage.planned) continue;
      stage.planned = Math.min(stage.planned, Math.max(1, stage.done + this.rate * milliseconds));
    }
  }

  /** Enters a planned stage; the one before it is complete. */
  start(phase: Phase, nfe: number | null, message: string): void {
    this.complete();
    this.current = this.stages.find((stage) => stage.phase === phase && stage.nfe === nfe);
    this.say(message);
  }

  say(message: string): void {
    this.message = message;
    this.report(true);
  }

  /** `count` model evaluations were made. */
  tick(count: number): void {
    const now = this.now();
    const elapsed = Math.max(1, now - this.lastTick);
    this.lastTick = now;
    const weight = 1 - Math.exp(-elapsed / memoryMs);
    this.rate = this.rate === 0 ? count / elapsed : this.rate + weight * (count / elapsed - this.rate);
    if (this.current) this.current.done = Math.min(this.current.planned, this.current.done + count);
    this.report(false);
  }

  complete(): void {
    if (this.current) this.current.done = this.current.planned;
  }

  private report(force: boolean): void {
    const now = this.now();
    if (!this.current || (!force && now - this.lastEmit < minIntervalMs)) return;
    this.lastEmit = now;
    const planned = this.stages.reduce((sum, stage) => sum + stage.planned, 0);
    const done = this.stages.reduce((sum, stage) => sum + stage.done, 0);
    this.shown = Math.max(this.shown, done / planned);
    this.emit({
      kind: 'progress',
      phase: this.current.phase,
      nfe: this.current.nfe,
      fraction: this.shown,
      etaMs: this.rate > 0 ? Math.round((planned - done) / this.rate) : null,
      message: this.message,
    });
  }
}
