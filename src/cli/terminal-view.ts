import type { WriteStream } from 'node:tty';
import type { LoggedEvent, RunReport } from '../protocol';
import { endReasons } from '../protocol/wording';

const barWidth = 24;
/** Without a terminal (a log file, CI) a progress line is printed this often. */
const plainEveryMs = 5000;

/** A run as text: a progress bar at the bottom of a terminal, plain lines elsewhere. */
export class TerminalView {
  private lastPlain = 0;
  private seeds = 1;
  private loss = 'mse';
  private barShown = false;

  constructor(
    private readonly out: WriteStream,
    private readonly runDir: string,
  ) {}

  show(event: LoggedEvent): void {
    switch (event.kind) {
      case 'run-started':
        this.note(`${event.resumed ? 'Resuming' : 'Run'} ${this.runDir}`);
        this.seeds = event.seeds;
        this.loss = event.loss;
        this.note(
          `Teacher ${event.teacher}; method ${event.method}; loss ${event.loss}; evaluations ${event.nfes.join(', ')}` +
            (event.seeds === 1 ? '' : `; ${event.seeds} seeds`),
        );
        return;
      case 'device':
        this.note(`Device: ${event.used}`);
        return;
      case 'progress':
        this.progress(event);
        return;
      case 'step':
        this.note(
          `  ${this.learning(event)}, iteration ${event.iteration}: training ${number(event.trainLoss)}` +
            (event.validationLoss === null ? '' : `, validation ${number(event.validationLoss)}`) +
            (event.accepted ? '' : ' (no better step found)'),
        );
        return;
      case 'teacher-floor':
        this.note(`The teacher's own error: mse ${number(event.mse)} (95 % interval ${range(event.ci95)})`);
        return;
      case 'start':
        this.note(
          `  ${event.nfe} evaluations start from ${event.solver} · ${event.spacing}: validation ${this.loss} ${number(event.validationLoss)}`,
        );
        return;
      case 'learning-ended':
        this.note(
          `  ${this.learning(event)} ended because ${endReasons[event.reason]}:` +
            ` validation ${this.loss} ${number(event.validationLoss)} (95 % interval ${range(event.validationCi95)})`,
        );
        return;
      case 'warning':
        this.note(`Warning: ${event.message}`);
        return;
      case 'finished':
        this.clear();
        if (event.report) this.report(event.report);
        // What went wrong goes to standard error, from where the exit code is decided.
        if (event.status !== 'failed') this.note(event.message);
        if (event.report) this.note(`Results: ${this.runDir} (report.md, solver.json, samples)`);
        return;
      case 'baseline':
      case 'table':
      case 'preview':
      case 'checkpoint':
        return;
    }
  }

  note(line: string): void {
    this.clear();
    this.out.write(`${line}\n`);
  }

  private progress(event: Extract<LoggedEvent, { kind: 'progress' }>): void {
    const percent = `${Math.floor(100 * event.fraction)} %`.padStart(5);
    const eta = event.etaMs === null ? '' : `, ${duration(event.etaMs)} left`;
    if (this.out.isTTY) {
      const filled = Math.round(barWidth * event.fraction);
      const line = `[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}]${percent}${eta}  ${event.message}`;
      this.clear();
      this.out.write(line.slice(0, Math.max(20, this.out.columns - 1)));
      this.barShown = true;
    } else if (event.at - this.lastPlain > plainEveryMs) {
      this.lastPlain = event.at;
      this.out.write(`${percent}${eta}  ${event.message}\n`);
    }
  }

  /** `5 evaluations`, `5 evaluations (seed 1 of 3)`: people count from 1. */
  private learning({ nfe, seed }: { readonly nfe: number; readonly seed: number }): string {
    return `${nfe} evaluations${this.seeds === 1 ? '' : ` (seed ${seed + 1} of ${this.seeds})`}`;
  }

  private clear(): void {
    if (!this.barShown) return;
    this.out.clearLine(0);
    this.out.cursorTo(0);
    this.barShown = false;
  }

  /** The learned rows and the three best classics of each number of evaluations. */
  private report({ teacher, results, solvers }: RunReport): void {
    const rows: string[][] = [['evals', 'solver', 'times', 'mse', '95 % interval', 'Fréchet', 'accuracy']];
    const quality = (fd: number | null, accuracy: number | null): string[] => [
      fd === null ? '–' : fd.toFixed(2),
      accuracy === null ? '–' : `${(100 * accuracy).toFixed(1)} %`,
    ];
    rows.push([
      String(teacher.num_inference_steps),
      'teacher',
      teacher.solver,
      teacher.self_mse === null ? '–' : `${number(teacher.self_mse)} *`,
      teacher.self_mse_ci95 === null ? '' : range(teacher.self_mse_ci95),
      ...quality(teacher.fd, teacher.accuracy),
    ]);
    for (const nfe of new Set(results.map((row) => row.nfe))) {
      const same = results.filter((row) => row.nfe === nfe);
      for (const row of [...same.filter((r) => r.learned), ...same.filter((r) => !r.learned).slice(0, 3)]) {
        rows.push([
          String(nfe),
          `${row.learned ? '> ' : ''}${row.solver}`,
          row.spacing,
          number(row.mse),
          range(row.mse_ci95),
          ...quality(row.fd, row.accuracy),
        ]);
      }
    }
    const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
    this.note('');
    for (const row of rows) this.note(row.map((cell, column) => cell.padEnd(widths[column]!)).join('  '));
    this.note('* the teacher against itself at twice the steps');
    for (const { nfe, seeds, seed, spread } of solvers) {
      if (seeds.length === 1) continue;
      const { median, min, max } = spread.test_mse;
      this.note(
        `${nfe} evaluations, ${seeds.length} seeds: mse median ${number(median)}, ${range([min, max])}; seed ${seed + 1} is kept`,
      );
    }
    this.note('');
  }
}

function number(value: number): string {
  return value.toPrecision(3);
}

function range([low, high]: readonly [number, number]): string {
  return `${number(low)} to ${number(high)}`;
}

export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
