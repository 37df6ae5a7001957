import type { LearnState } from '../learn/learn';
import { packState, unpackState } from '../learn/serialise';
import type { ResultRow } from '../protocol';
import type { RunFolder } from './run-folder';
import { UserError } from './user-error';

const fileName = 'checkpoint.json';
const version = 1;

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
  /** The classic solver whose table learning started from: the best one that is a member of the student's family. */
  startedFrom: { readonly solver: string; readonly spacing: string } | null;
  state: LearnState | null;
  results: readonly ResultRow[] | null;
}

export interface Checkpoint {
  /** The model this run is about; a changed model cannot be resumed with. */
  readonly modelHash: string;
  readonly solvers: NfeProgress[];
  /** Wall-clock milliseconds of learning so far: the budget counts over interruptions. */
  learnedMs: number;
}

interface StoredCheckpoint extends Omit<Checkpoint, 'solvers'> {
  readonly version: number;
  readonly solvers: readonly (Omit<NfeProgress, 'state'> & { readonly state: string | null })[];
}

export async function saveCheckpoint(folder: RunFolder, checkpoint: Checkpoint): Promise<string> {
  const stored: StoredCheckpoint = {
    version,
    ...checkpoint,
    solvers: checkpoint.solvers.map((solver) => ({ ...solver, state: solver.state ? packState(solver.state) : null })),
  };
  await folder.write(fileName, JSON.stringify(stored));
  return fileName;
}

/** @throws UserError when the checkpoint is damaged, of another version, or about another model. */
export function loadCheckpoint(folder: RunFolder, modelHash: string): Checkpoint | undefined {
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
  if (stored.modelHash !== modelHash) {
    throw new UserError(
      'model-changed',
      `The model file has changed since ${folder.path} was started. Start a new run, or put the old model back.`,
    );
  }
  return undamaged(path, () => ({
    modelHash,
    learnedMs: stored.learnedMs,
    solvers: stored.solvers.map((solver) => ({ ...solver, state: solver.state ? unpackState(solver.state) : null })),
  }));
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
