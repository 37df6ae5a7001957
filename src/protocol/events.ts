import { asWrittenToday } from './older-logs';
import type { EndReason, NoiseShift, RunReport } from './report';
import type { TableData } from './table';

/** Version of the event log and of the messages; readers refuse a newer one with a clear sentence. */
export const PROTOCOL_VERSION = 2;

export type RunTask = 'learn' | 'preview';
export type RunStatus = 'done' | 'cancelled' | 'failed';
export type Phase = 'open' | 'teacher' | 'baselines' | 'learn' | 'evaluate' | 'preview';
export type PreviewKind = 'teacher' | 'learned' | 'classic';

/** What a run does, event by event. `events.jsonl` holds one `LoggedEvent` a line. */
export type RunEvent =
  | {
      readonly kind: 'run-started';
      readonly version: number;
      readonly task: RunTask;
      readonly name: string;
      readonly configPath: string;
      readonly resumed: boolean;
      readonly teacher: string;
      readonly method: string;
      readonly nfes: readonly number[];
      /** How often each solver is learned, every time from other training noises; the best on validation is kept. */
      readonly seeds: number;
      /** What is made small, by name: `mse`, `LPIPS`, … Losses are in it; the teacher's own error always is an mse. */
      readonly loss: string;
    }
  | {
      /** The execution provider really used. `reason` says why it differs from the one asked for. */
      readonly kind: 'device';
      readonly requested: string;
      readonly used: string;
      readonly reason: string | null;
    }
  | {
      /** Progress of the whole run; at most about ten a second. */
      readonly kind: 'progress';
      readonly phase: Phase;
      readonly nfe: number | null;
      /** 0 … 1 over the whole run. */
      readonly fraction: number;
      readonly etaMs: number | null;
      /** One short sentence a person can read. */
      readonly message: string;
    }
  | {
      /**
       * The teacher's own error, before learning: mean squared difference per element between the teacher and itself at twice
       * the steps, on the test noises. A student cannot be known to be better than this.
       */
      readonly kind: 'teacher-floor';
      readonly mse: number;
      /** 95 % bootstrap interval of `mse` over noises. */
      readonly ci95: readonly [number, number];
      /** Noises it was measured on. */
      readonly samples: number;
    }
  | {
      /** A classic solver measured on the validation noises. */
      readonly kind: 'baseline';
      readonly nfe: number;
      readonly solver: string;
      readonly spacing: string;
      readonly validationLoss: number;
    }
  | {
      /** Where learning starts: a classic solver on one of its own grids, or on times learned at another NFE. */
      readonly kind: 'start';
      readonly nfe: number;
      readonly solver: string;
      /** The grid by name; `learned at 4` for the times of the solver learned with 4 evaluations. */
      readonly spacing: string;
      readonly validationLoss: number;
    }
  | {
      /** One optimiser iteration. Losses are of the kind that `run-started` names. */
      readonly kind: 'step';
      readonly nfe: number;
      /** Which draw of training noises: 0 … seeds − 1. */
      readonly seed: number;
      readonly iteration: number;
      readonly trainLoss: number;
      readonly validationLoss: number | null;
      readonly bestValidationLoss: number;
      /** Model evaluations (per sample) this solver has used so far. */
      readonly evaluations: number;
      /** How far the relaxed objective has moved the training noises; null where it does not. */
      readonly noiseShift: NoiseShift | null;
      readonly accepted: boolean;
    }
  | {
      /** One learning has ended: of a number of evaluations, from one draw of training noises. */
      readonly kind: 'learning-ended';
      readonly nfe: number;
      readonly seed: number;
      readonly reason: EndReason;
      /** Iterations that were made. */
      readonly iteration: number;
      /** Loss of the table that is kept on the training noises as they were drawn; null where it is not a number. */
      readonly trainLoss: number | null;
      readonly validationLoss: number;
      /** 95 % bootstrap interval of `validationLoss` over noises. */
      readonly validationCi95: readonly [number, number];
    }
  | {
      /** A new best table by validation loss over all seeds; the first one is the best classic solver. */
      readonly kind: 'table';
      readonly nfe: number;
      readonly label: string;
      readonly learned: boolean;
      /** Null in previews of tables whose loss is not known. */
      readonly validationLoss: number | null;
      readonly table: TableData;
    }
  | {
      /** A PNG grid in the run folder; the same noises for every `which`. */
      readonly kind: 'preview';
      readonly nfe: number;
      readonly which: PreviewKind;
      readonly label: string;
      /** Path relative to the run folder, with forward slashes. */
      readonly file: string;
      readonly columns: number;
      readonly rows: number;
      readonly width: number;
      readonly height: number;
    }
  | {
      readonly kind: 'checkpoint';
      readonly file: string;
      readonly nfe: number;
      readonly seed: number;
      readonly iteration: number;
    }
  | { readonly kind: 'warning'; readonly code: string; readonly message: string }
  | {
      readonly kind: 'finished';
      readonly status: RunStatus;
      /** One sentence: what came out, or what is wrong and what to do. */
      readonly message: string;
      readonly report: RunReport | null;
    };

export type RunEventKind = RunEvent['kind'];

/** An event with its place in the log: `seq` grows by one without gaps, `at` is milliseconds since 1970. */
export type LoggedEvent = RunEvent & { readonly seq: number; readonly at: number };

const kinds: ReadonlySet<string> = new Set<RunEventKind>([
  'run-started',
  'device',
  'progress',
  'teacher-floor',
  'baseline',
  'start',
  'step',
  'learning-ended',
  'table',
  'preview',
  'checkpoint',
  'warning',
  'finished',
]);

/**
 * Parses one line of `events.jsonl`. A torn or unknown line gives `undefined`: the last line of a killed run may be torn. What
 * a log of an older version does not say is filled in.
 */
export function parseLoggedEvent(line: string): LoggedEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isLoggedEvent(value) ? asWrittenToday(value) : undefined;
}

export function isLoggedEvent(value: unknown): value is LoggedEvent {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, seq, at } = value as { kind?: unknown; seq?: unknown; at?: unknown };
  return typeof kind === 'string' && kinds.has(kind) && typeof seq === 'number' && typeof at === 'number';
}
