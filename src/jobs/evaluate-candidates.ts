import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { NoiseSchedule } from '../diffusion/noise-schedule';
import { familyNamed } from '../solvers/catalogue';
import { classicSolvers, gridSteps } from '../solvers/registry';
import { tableToData, type SolverTable } from '../solvers/table';
import { classicSampleTable, learnedSampleTable, type SampleSpacing } from './sample-table';
import { UserError } from './user-error';

/** A classic solver to compare, at every number of evaluations it can make. */
export interface ClassicContender {
  readonly solver: string;
  /** The family's highest up to 3 when left out. */
  readonly order?: number;
  readonly variant?: string;
  readonly spacing: SampleSpacing;
}

/** What to compare: `classics` stands for every classic solver on every spacing that a run compares with. */
export interface Contenders {
  readonly solvers: readonly (ClassicContender | 'classics')[];
  /** Run folders or solver.json files. */
  readonly runs: readonly string[];
  readonly nfe: readonly number[];
}

/** A table to measure, once for all the names it goes by. */
export interface Candidate {
  readonly nfe: number;
  readonly names: readonly string[];
  readonly learned: boolean;
  readonly table: SolverTable;
  readonly hash: string;
}

export interface Candidates {
  readonly tables: readonly Candidate[];
  /** Sentences about contenders that cannot make one of the numbers of evaluations. */
  readonly warnings: readonly string[];
}

/**
 * The tables of all contenders, equal ones together; a table that is also a classic one counts as classic.
 *
 * @param gits chooses times from the model's paths, given the number of steps
 * @throws UserError for a solver there is not, or a run that holds none of the numbers of evaluations
 */
export async function candidateTables(
  schedule: NoiseSchedule,
  modelHash: string,
  { solvers, runs, nfe }: Contenders,
  gits: (steps: number) => Promise<Float64Array>,
): Promise<Candidates> {
  const found = new Map<string, { -readonly [Key in keyof Candidate]: Candidate[Key] }>();
  const warnings: string[] = [];
  const add = (name: string, table: SolverTable, learned: boolean): void => {
    const hash = tableHash(table);
    const known = found.get(hash);
    if (!known) found.set(hash, { nfe: table.nfe, names: [name], learned, table, hash });
    else {
      if (!known.names.includes(name)) known.names = [...known.names, name];
      known.learned &&= learned;
    }
  };
  for (const contender of solvers) {
    if (contender === 'classics') {
      for (const count of nfe) {
        for (const { timestep_spacing: spacing, ...choice } of classicSolvers(count)) {
          const { label, table } = await classicOf(schedule, { ...choice, spacing }, count, gits);
          add(label, table, false);
        }
      }
      continue;
    }
    const possible = possibleCounts(contender, nfe);
    if (possible.length < nfe.length) {
      const missing = nfe.filter((count) => !possible.includes(count)).join(', ');
      warnings.push(`${familyNamed(contender.solver).title} cannot make ${missing} evaluations and is left out there.`);
    }
    for (const count of possible) {
      const { label, table } = await classicOf(schedule, contender, count, gits);
      add(label, table, false);
    }
  }
  const paths = new Map<string, string>();
  for (const path of runs) {
    for (const { count, learned } of await learnedCounts(path, nfe, modelHash)) {
      const { label, table } = await learnedSampleTable(path, count, modelHash);
      // Two runs may have one id in different folders.
      const isOther = paths.has(label) && paths.get(label) !== path;
      if (!isOther) paths.set(label, path);
      add(isOther ? `${label} of ${path}` : label, table, learned);
    }
  }
  return { tables: [...found.values()].sort((a, b) => a.nfe - b.nfe), warnings };
}

/**
 * SHA-256 of a table's numbers to 12 digits: two programs of one formula differ in the last ones, and a sample in float32
 * does not see that.
 */
export function tableHash(table: SolverTable): string {
  const rounded = JSON.stringify(tableToData(table), (_, value: unknown) =>
    typeof value === 'number' ? (Math.abs(value) < 1e-12 ? 0 : Number(value.toPrecision(12))) : value,
  );
  return createHash('sha256').update(rounded).digest('hex');
}

function classicOf(
  schedule: NoiseSchedule,
  { spacing, ...choice }: ClassicContender,
  nfe: number,
  gits: (steps: number) => Promise<Float64Array>,
): ReturnType<typeof classicSampleTable> {
  const grid = { kind: 'spacing', name: spacing } as const;
  return classicSampleTable(
    schedule,
    { kind: 'classic', ...choice, nfe, grid, toZero: false, analyticFirstStep: false },
    gits,
  );
}

function possibleCounts({ solver }: ClassicContender, nfe: readonly number[]): number[] {
  try {
    const { steps } = familyNamed(solver);
    const possible = nfe.filter((count) => steps(count, false) !== undefined);
    // None: its sentence says which there are.
    if (possible.length === 0) gridSteps(solver, nfe[0]!, false);
    return possible;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError('solver-settings', error.message, { cause: error });
  }
}

/** Which of the numbers of evaluations a file holds, and whether the table was learned or is a classic one that won. */
async function learnedCounts(
  path: string,
  nfe: readonly number[],
  modelHash: string,
): Promise<{ count: number; learned: boolean }[]> {
  const entries = await readEntries(path);
  const held = nfe.flatMap((count) => {
    const entry = entries.find((candidate) => candidate.nfe === count);
    return entry ? [{ count, learned: entry.learned !== false }] : [];
  });
  // None: the sentence about that is the one of `s4s sample`.
  if (held.length === 0) await learnedSampleTable(path, nfe[0], modelHash);
  return held;
}

async function readEntries(path: string): Promise<{ nfe?: unknown; learned?: unknown }[]> {
  try {
    const file = (await stat(path)).isDirectory() ? join(path, 'solver.json') : path;
    const { solvers } = JSON.parse(await readFile(file, 'utf8')) as { solvers?: unknown };
    return Array.isArray(solvers) ? (solvers as { nfe?: unknown; learned?: unknown }[]) : [];
  } catch {
    return [];
  }
}
