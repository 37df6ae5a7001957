import { createHash } from 'node:crypto';
import type { LearnState } from '../learn/learn';
import { packState, unpackState } from '../learn/serialise';
import type { Interval } from '../metrics/resamples';
import type { EndReason, NoiseShift, ResultRow } from '../protocol';
import type { RunFolder } from './run-folder';
import type { RunInput } from './run-inputs';
import { UserError } from './user-error';

const fileName = 'checkpoint.json';
const version = 3;

/** The classic solver a learning started from, with its loss on the validation noises. */
export interface BaselineResult {
  readonly solver: string;
  readonly spacing: string;
  readonly validationLoss: number;
}

/** What a run has reached for one number of evaluations. */
export interface NfeProgress {
  readonly nfe: number;
  readonly baselines: readonly BaselineResult[];
  /** Where learning starts, for every seed; null while it is not decided. `spacing` may be a neighbour's learned grid. */
  startedFrom: { readonly solver: string; readonly spacing: string } | null;
  /** One a seed that was begun, in order. */
  readonly seeds: SeedProgress[];
  results: EvaluatedSolver | null;
}

/** Learning from one draw of training noises. */
export interface SeedProgress {
  readonly state: LearnState;
  /** What ended the learning; null while it goes on. */
  reason: EndReason | null;
  /** Measured when it has ended. */
  ended: LearningEnd | null;
}

/** What came out of one learning. */
export interface LearningEnd {
  /** Of the table that is kept, as the two figures below. */
  readonly kept: Generalisation;
  readonly validationMse: number;
  readonly validationMseCi95: Interval;
  /** Of the table of the last iteration. */
  readonly last: Generalisation;
  readonly noiseShift: NoiseShift | null;
}

/** Loss of a table on the training noises as they were drawn, and on those it never saw. */
export interface Generalisation {
  readonly trainLoss: number;
  readonly validationLoss: number;
  readonly validationCi95: Interval;
  /** 95 % interval of validation loss over training loss. */
  readonly ratioCi95: Interval;
}

/** What the test noises say. */
export interface EvaluatedSolver {
  readonly rows: readonly ResultRow[];
  /** Of each seed's table. */
  readonly seeds: readonly { readonly mse: number; readonly ci95: Interval }[];
}

/** The teacher against itself at twice the steps. */
export interface TeacherFloor {
  readonly mse: number;
  readonly ci95: Interval;
  readonly samples: number;
}

export interface Checkpoint {
  /** The files this run learns from; with a changed one it cannot be resumed. */
  readonly inputs: readonly RunInput[];
  /** null while it is not measured. */
  floor: TeacherFloor | 'not-finite' | null;
  readonly solvers: NfeProgress[];
  /** Wall-clock milliseconds of learning so far: the budget counts over interruptions. */
  learnedMs: number;
}

type Packed<T extends { readonly state: LearnState }> = Omit<T, 'state'> & { readonly state: string };

interface StoredCheckpoint extends Omit<Checkpoint, 'solvers'> {
  readonly version: number;
  /** Of the rest as JSON text: one flipped bit of a table would otherwise be resumed from in silence. */
  readonly sha256: string;
  readonly solvers: readonly (Omit<NfeProgress, 'seeds'> & { readonly seeds: readonly Packed<SeedProgress>[] })[];
}

/** A run with nothing done yet. */
export function newCheckpoint(inputs: readonly RunInput[]): Checkpoint {
  return { inputs, floor: null, solvers: [], learnedMs: 0 };
}

/** The seed whose table is kept: the lowest validation loss, of equal ones the first; undefined before any is begun. */
export function keptSeed({ seeds }: NfeProgress): { readonly seed: number; readonly state: LearnState } | undefined {
  let kept: { readonly seed: number; readonly state: LearnState } | undefined;
  seeds.forEach(({ state }, seed) => {
    if (!kept || state.best.validationLoss < kept.state.best.validationLoss) kept = { seed, state };
  });
  return kept;
}

export async function saveCheckpoint(folder: RunFolder, checkpoint: Checkpoint): Promise<string> {
  const body: Omit<StoredCheckpoint, 'version' | 'sha256'> = {
    ...checkpoint,
    solvers: checkpoint.solvers.map((solver) => ({
      ...solver,
      seeds: solver.seeds.map((seed) => ({ ...seed, state: packState(seed.state) })),
    })),
  };
  await folder.write(fileName, JSON.stringify({ version, sha256: digestOf(body), ...body }));
  return fileName;
}

/**
 * @param inputs what the run would go on with
 * @throws UserError when the checkpoint is damaged, of another version, or of a run with other inputs
 */
export function loadCheckpoint(folder: RunFolder, inputs: readonly RunInput[]): Checkpoint | undefined {
  const text = folder.read(fileName);
  if (text === undefined) return undefined;
  const path = folder.file(fileName);
  const stored = undamaged(path, () => {
    const value = JSON.parse(text) as StoredCheckpoint | null;
    if (typeof value?.version !== 'number') throw new Error('It has no version.');
    return value;
  });
  if (stored.version !== version) {
    throw new UserError('checkpoint-version', `${path} was written by another version of S4S Studio. Start a new run.`);
  }
  const { version: _, sha256, ...body } = stored;
  const checkpoint = undamaged(path, (): Checkpoint => {
    if (sha256 !== digestOf(body)) throw new Error('Its digest is another one.');
    return {
      ...body,
      solvers: body.solvers.map((solver) => ({
        ...solver,
        seeds: solver.seeds.map((seed) => ({ ...seed, state: unpackState(seed.state) })),
      })),
    };
  });
  requireSame(folder, checkpoint.inputs, inputs);
  return checkpoint;
}

/** JSON that was read and is written again is the same text, so the body needs no text of its own in the file. */
function digestOf(body: object): string {
  return createHash('sha256').update(JSON.stringify(body)).digest('hex');
}

function requireSame(folder: RunFolder, before: readonly RunInput[], now: readonly RunInput[]): void {
  const changed = now.find(({ key, sha256 }, i) => before[i]?.key !== key || before[i].sha256 !== sha256);
  if (!changed) return;
  throw new UserError(
    'input-changed',
    `${changed.path} (${changed.key}) has changed since ${folder.path} was started. Start a new run, or put the old file back.`,
  );
}

function undamaged<Value>(path: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw new UserError('checkpoint-damaged', `${path} is damaged. Start a new run; teacher samples are reused.`, {
      cause: error,
    });
  }
}
