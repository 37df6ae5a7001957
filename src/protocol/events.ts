import type { RunReport } from './report';
import type { TableData } from './table';

/** Version of the event log and of the messages; readers refuse a newer one with a clear sentence. */
export const PROTOCOL_VERSION = 1;

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
      /** A classic solver measured on the validation noises. */
      readonly kind: 'baseline';
      readonly nfe: number;
      readonly solver: string;
      readonly spacing: string;
      readonly validationLoss: number;
    }
  | {
      /** One optimiser iteration. Losses are mean squared errors per element (or the chosen distance). */
      readonly kind: 'step';
      readonly nfe: number;
      readonly iteration: number;
      readonly trainLoss: number;
      readonly validationLoss: number | null;
      readonly bestValidationLoss: number;
      /** Model evaluations (per sample) this solver has used so far. */
      readonly evaluations: number;
      readonly accepted: boolean;
    }
  | {
      /** A new best table by validation loss; the first one is the classic start. */
      readonly kind: 'table';
      readonly nfe: number;
      readonly label: string;
      readonly learned: boolean;
      readonly validationLoss: number;
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
  | { readonly kind: 'checkpoint'; readonly file: string; readonly nfe: number; readonly iteration: number }
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
  'baseline',
  'step',
  'table',
  'preview',
  'checkpoint',
  'warning',
  'finished',
]);

/** Parses one line of `events.jsonl`. A torn or unknown line gives `undefined`: the last line of a killed run may be torn. */
export function parseLoggedEvent(line: string): LoggedEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isLoggedEvent(value) ? value : undefined;
}

export function isLoggedEvent(value: unknown): value is LoggedEvent {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, seq, at } = value as { kind?: unknown; seq?: unknown; at?: unknown };
  return typeof kind === 'string' && kinds.has(kind) && typeof seq === 'number' && typeof at === 'number';
}
