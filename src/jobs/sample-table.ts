import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gridNames, type GridName } from '../diffusion/grids';
import type { NoiseSchedule } from '../diffusion/noise-schedule';
import { optimisedTimes } from '../diffusion/optimised-times';
import { parseSolverFile } from '../export/read-solver-file';
import type { SolverFile } from '../export/solver-file';
import { analyticFirstStep } from '../solvers/analytic-first-step';
import { families, familyNamed } from '../solvers/catalogue';
import { classicTable, gridSteps, solverLabel } from '../solvers/registry';
import { tableFromData, type SolverTable } from '../solvers/table';
import { UserError } from './user-error';

/** Names of the classic solvers with a table of their own. */
export const solverNames: readonly string[] = families.map(({ name }) => name);

/** Ways to place evaluations: the schedule's spacings, optimised time steps, and GITS from the model's paths. */
export const sampleSpacings = [...gridNames, 'optimised', 'gits'] as const;
export type SampleSpacing = (typeof sampleSpacings)[number];

/** Where the evaluations of a classic solver are put. */
export type SampleGrid =
  /** logsnr when no name is given, uniform where a schedule starts without signal. */
  | { readonly kind: 'spacing'; readonly name?: SampleSpacing }
  /** Falling times of the schedule, or noise levels σ/α, ends included (σ = 0 by `toZero`). */
  | { readonly kind: 'times'; readonly values: readonly number[] }
  | { readonly kind: 'sigmas'; readonly values: readonly number[] };

/** A solver to draw samples with. */
export type SampleSolver =
  | {
      readonly kind: 'classic';
      readonly solver: string;
      /** The family's highest up to 3 when left out. */
      readonly order?: number;
      readonly variant?: string;
      readonly nfe: number;
      readonly grid: SampleGrid;
      /** End with a step to σ = 0. */
      readonly toZero: boolean;
      /** Replace the first evaluation by a closed form. */
      readonly analyticFirstStep: boolean;
    }
  /** DPM-Solver-v3 with a file of model statistics. */
  | {
      readonly kind: 'dpm_v3';
      readonly statistics: string;
      readonly order?: number;
      readonly nfe: number;
      readonly spacing?: GridName;
    }
  | { readonly kind: 'learned'; readonly path: string; readonly nfe?: number }
  | { readonly kind: 'adaptive'; readonly rtol: number };

/** A table with the name that people know it by. */
export interface LabelledTable {
  readonly label: string;
  readonly table: SolverTable;
}

type Classic = Extract<SampleSolver, { kind: 'classic' }>;

/**
 * The table of a classic solver.
 *
 * @param gits chooses times from the model's own paths, given the number of steps
 * @throws UserError for settings that no table fits
 */
export async function classicSampleTable(
  schedule: NoiseSchedule,
  classic: Classic,
  gits: (steps: number) => Promise<Float64Array>,
): Promise<LabelledTable> {
  const { solver, toZero } = classic;
  const grid = named(classic.grid, schedule);
  try {
    const { orders } = familyNamed(solver);
    const order = classic.order ?? Math.max(...orders.filter((known) => known <= 3 || orders.length === 1));
    const nfe = classic.nfe + (classic.analyticFirstStep ? 1 : 0);
    const steps = gridSteps(solver, nfe, toZero);
    const times = await timesOf(schedule, grid, toZero ? steps - 1 : steps, gits);
    const choice = {
      solver,
      order,
      ...(classic.variant === undefined ? {} : { variant: classic.variant }),
      timestep_spacing: grid.kind === 'spacing' && isSpacing(grid.name) ? grid.name : 'uniform',
    } as const;
    const table = classicTable(schedule, choice, nfe, { toZero, ...(times === undefined ? {} : { times }) });
    const label = `${solverLabel(choice)} · ${grid.kind === 'spacing' ? grid.name : `given ${grid.kind}`}`;
    if (!classic.analyticFirstStep) return { label, table };
    const afs = analyticFirstStep(table, { grid: table.calls, prediction: table.prediction, space: table.space });
    return {
      label: `${label}, analytic first step`,
      table: { ...afs.table, start: afs.table.start.map((weight) => weight * afs.scale) },
    };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError('solver-settings', error.message, { cause: error });
  }
}

/** True for the spacings that the schedule alone gives. */
export function isSpacing(name: SampleSpacing): name is GridName {
  return name !== 'optimised' && name !== 'gits';
}

type NamedGrid = Exclude<SampleGrid, { kind: 'spacing' }> | { readonly kind: 'spacing'; readonly name: SampleSpacing };

function named(grid: SampleGrid, schedule: NoiseSchedule): NamedGrid {
  if (grid.kind !== 'spacing') return grid;
  return { kind: 'spacing', name: grid.name ?? defaultSpacing(schedule) };
}

/** logsnr, but uniform where a schedule starts without signal (zero terminal SNR) and λ has no beginning. */
export function defaultSpacing(schedule: NoiseSchedule): GridName {
  return Number.isFinite(schedule.lambda(schedule.tMax)) ? 'logsnr' : 'uniform';
}

/** The times of a grid that is not one of the schedule's spacings. */
async function timesOf(
  schedule: NoiseSchedule,
  grid: NamedGrid,
  steps: number,
  gits: (steps: number) => Promise<Float64Array>,
): Promise<ArrayLike<number> | undefined> {
  if (grid.kind === 'times') return grid.values;
  if (grid.kind === 'sigmas') {
    const bad = grid.values.find((sigma) => !(sigma > 0 && Number.isFinite(sigma)));
    if (bad === undefined) return grid.values.map((sigma) => schedule.timeOfLambda(-Math.log(sigma)));
    throw new RangeError(`A noise level must be a number above 0, got ${bad}; end at 0 with --to-zero.`);
  }
  // The one evaluation of a single step to σ = 0.
  if (steps === 0) return [schedule.tMax];
  if (grid.name === 'optimised') return optimisedTimes(schedule, steps);
  return grid.name === 'gits' ? gits(steps) : undefined;
}

/**
 * A learned table from a run folder or a solver.json.
 *
 * @param modelHash the model that samples are drawn from
 * @throws UserError when there is none, or it belongs to another model
 */
export async function learnedSampleTable(
  path: string,
  nfe: number | undefined,
  modelHash: string,
): Promise<LabelledTable> {
  const isFolder = await stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  const file = isFolder ? join(path, 'solver.json') : path;
  const solver = await readSolverFile(file);
  const { solvers } = solver;
  const counts = solvers.map((entry) => entry.nfe);
  const found = solvers.find((entry) => (nfe === undefined ? counts.length === 1 : entry.nfe === nfe));
  if (!found) {
    const which = counts.length === 0 ? 'no solvers' : `solvers for ${counts.join(', ')} evaluations`;
    throw new UserError('solver-file', `${file} holds ${which}; choose one of them with --nfe.`);
  }
  if (solver.model.sha256 !== modelHash) {
    throw new UserError(
      'solver-file',
      `${file} was learned for another model (${solver.model.path}); learn one for this model, or name that one.`,
    );
  }
  try {
    return { label: `${found.method} (${solver.run_id})`, table: tableFromData(found.table) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError('solver-file', `${file} holds a broken table: ${error.message}`, { cause: error });
  }
}

async function readSolverFile(path: string): Promise<SolverFile> {
  try {
    return parseSolverFile(await readFile(path, 'utf8'));
  } catch (error) {
    const reason = error instanceof RangeError ? ` (${error.message})` : '';
    throw new UserError(
      'solver-file',
      `${path} is no readable solver.json${reason}; name a finished run folder or its file.`,
      { cause: error },
    );
  }
}
