import type { Phase } from './events';
import type { EndReason, ResultRow, RunReport } from './report';
import type { RunState } from './server';

/** How the window and the page name things, in one place so that they never differ. */
export const phaseNames: Readonly<Record<Phase, string>> = {
  open: 'opening the model',
  teacher: 'sampling the teacher',
  baselines: 'measuring classic solvers',
  learn: 'learning',
  evaluate: 'evaluating',
  preview: 'drawing samples',
};

export const stateNames: Readonly<Record<RunState, string>> = {
  running: 'running',
  stopping: 'stopping',
  done: 'done',
  cancelled: 'stopped',
  failed: 'failed',
  crashed: 'crashed',
  interrupted: 'interrupted',
};

/** Why a learning ended, after "because". */
export const endReasons: Readonly<Record<EndReason, string>> = {
  iterations: 'all its iterations were made',
  'no-clear-gain': 'the validation loss no longer fell clearly',
  exhausted: 'no step lowered the training loss any more',
  minutes: "the budget's minutes were used up",
  evaluations: "the budget's evaluations were used up",
};

export function isActive(state: RunState): boolean {
  return state === 'running' || state === 'stopping';
}

/** "under 5 s left", "40 s left", "1 min left", "1 h 5 min left". Rounded up: a promise kept early annoys nobody. */
export function formatEta(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 5) return 'under 5 s left';
  if (seconds <= 55) return `${Math.ceil(seconds / 5) * 5} s left`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return `${minutes} min left`;
  const rest = minutes % 60;
  return rest === 0 ? `${minutes / 60} h left` : `${Math.floor(minutes / 60)} h ${rest} min left`;
}

/** Whole percent; 100 only when it is over. */
export function percent(fraction: number): number {
  return Math.floor(Math.min(1, Math.max(0, fraction)) * 100);
}

/** A loss with two significant digits, written out down to 0.0001 and in powers of ten below. */
export function formatLoss(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 99.5 && size < 1e5) return value.toFixed(0);
  if (size >= 1e-4 && size < 1e5) return value.toPrecision(2);
  return value.toExponential(1).replace('e+', 'e');
}

/** A learned solver next to the best classic one at the same number of evaluations. */
export interface Outcome {
  readonly learned: ResultRow;
  readonly classic: ResultRow | null;
  /** How many times smaller the learned error is; null without a classic row or with an error of zero. */
  readonly ratio: number | null;
}

/** One outcome per number of evaluations, ascending. */
export function outcomes(report: RunReport): Outcome[] {
  const learned = report.results.filter((row) => row.learned).sort((a, b) => a.nfe - b.nfe);
  return learned.map((row) => {
    const classic = report.results
      .filter((other) => !other.learned && other.nfe === row.nfe)
      .reduce<ResultRow | null>((best, other) => (best === null || other.mse < best.mse ? other : best), null);
    return { learned: row, classic, ratio: classic !== null && row.mse > 0 ? classic.mse / row.mse : null };
  });
}

/** "4.1× better", or nothing where there is nothing to compare with. */
export function formatRatio(ratio: number): string {
  const digits = ratio >= 10 ? 0 : 1;
  return ratio >= 1 ? `${ratio.toFixed(digits)}× better` : `${(1 / ratio).toFixed(1)}× worse`;
}
