import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Interval } from '../../../src/metrics/resamples';
import type { Cell } from './cells';

/** Samples of a table on the test noises. Intervals are 95 % bootstraps over noises. */
export interface CellQuality {
  readonly mse: number;
  readonly mse_ci95: Interval;
  /** Fréchet distance from the teacher's samples, and from the data. */
  readonly fd_teacher: number;
  readonly fd_teacher_ci95: Interval;
  readonly fd_data: number;
  readonly fd_data_ci95: Interval;
  readonly sliced_wasserstein: number;
  readonly accuracy: number | null;
  readonly accuracy_ci95: Interval | null;
  /** Squared error per element of each test noise's sample. */
  readonly errors: readonly number[];
}

/** What is known of a validated table. */
export interface TracePoint {
  /** Model evaluations used before it. */
  readonly evaluations: number;
  /** Mean loss on the validation noises. */
  readonly loss: number;
}

export interface CellResult {
  readonly key: string;
  readonly cell: Cell;
  /** Why there is nothing, for a method that has no solver of so many evaluations; all else is then absent. */
  readonly impossible?: string;
  readonly outcome?: CellOutcome;
}

export interface CellOutcome {
  /** The classic solver that learning began at, or for `classic` and `teacher` the solver itself. */
  readonly start: string;
  readonly parameters: number;
  readonly evaluations: number;
  readonly iterations: number;
  /** Of learning with its validation: by the clock, and of processors. */
  readonly seconds: number;
  readonly cpu_seconds: number;
  readonly validation: number;
  /** Every validated table in turn, the start first. */
  readonly trace: readonly TracePoint[];
  readonly quality: CellQuality;
}

/** Finished cells of a file, the last of each key. */
export function readResults(path: string): Map<string, CellResult> {
  const results = new Map<string, CellResult>();
  if (!existsSync(path)) return results;
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    try {
      const result = JSON.parse(line) as CellResult;
      results.set(result.key, result);
    } catch {
      // Empty, or torn by an interruption: the cell is not done.
    }
  }
  return results;
}

/** Appends a cell; begins a new line where an interruption left half of one. */
export function appendResult(path: string, result: CellResult): void {
  mkdirSync(dirname(path), { recursive: true });
  const torn = existsSync(path) && !/(^|\n)$/.test(readFileSync(path, 'utf8').slice(-1));
  appendFileSync(path, `${torn ? '\n' : ''}${JSON.stringify(result, shortened)}\n`);
}

/** Seven digits, which is what float32 samples have. */
function shortened(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(7)) : value;
}
