import type { NoiseSchedule } from '../diffusion';
import { mean, tableLosses } from '../learn/objective';
import type { Objective } from '../learn/objective';
import { slicePairs } from '../learn/pairs';
import type { PairSet } from '../learn/pairs';
import { fitted, fittedDode, pathStarts } from '../learn/fitted-starts';
import type { Fitted } from '../learn/fitted-starts';
import { methodParameterisation } from '../learn/methods';
import type { Parameterisation } from '../learn/parameterisation';
import { warmStartNoises } from '../learn/warm-start';
import { tableFromData } from '../solvers/table';
import type { SolverTable } from '../solvers/table';
import { keptSeed } from './checkpoint';
import type { Checkpoint, NfeProgress } from './checkpoint';
import { startsFromNeighbour } from './neighbour-starts';
import { fullLabel } from './run-context';
import type { RunContext } from './run-context';
import type { RunPairs } from './run-pairs';
import { firstTaken, startsOf } from './student';
import type { NamedStart } from './student';

/** Where learning starts, with what it learns from there. */
export interface ChosenStart {
  readonly start: NamedStart;
  readonly parameterisation: Parameterisation;
  /** The table that learning really begins at; some methods take only the grid of their start. */
  readonly table: SolverTable;
  readonly validationLosses: Float64Array;
  /** Model evaluations it cost to make, counted per sample. */
  readonly evaluations: number;
}

/**
 * The start with the lowest validation loss: the best classic solver that the method takes, one on the grid learned at the
 * neighbouring number of evaluations, or rows fitted in closed form (`table`: to the teacher's path; `dode`: as its authors
 * fit them). `student.init`, where it names a solver, is taken as it is. A resumed run takes the start that it has.
 */
export async function chooseStart(
  context: RunContext,
  objective: Objective,
  { paths, train, validation }: Pick<RunPairs, 'paths' | 'train' | 'validation'>,
  progress: NfeProgress,
  checkpoint: Checkpoint,
): Promise<ChosenStart> {
  const { config, meter, model, signal } = context;
  const { nfe, startedFrom } = progress;
  const taken = (start: NamedStart): Parameterisation | undefined =>
    methodParameterisation(model.schedule, config.student, start);
  const classics = startsOf(context, progress.baselines, nfe);
  const candidates: Candidate[] = [{ ...firstTaken(context, classics), evaluations: 0 }];
  const isOpen = config.student.init === 'auto';
  const neighbour = isOpen ? learnedNeighbour(checkpoint, nfe) : undefined;
  if (neighbour) {
    const starts = startsFromNeighbour(model.schedule, neighbour, classics, (start) => taken(start) !== undefined);
    candidates.push(...starts.map((start) => ({ start, parameterisation: taken(start)!, evaluations: 0 })));
  }
  if (paths) {
    meter.say(`Fitting rows of ${nfe} evaluations to the teacher's path`);
    const problem = { ...model, pairs: paths };
    const onPath = pathCandidates(problem, nfe, taken);
    const fit = (p: Candidate): Promise<Fitted> => fitted(problem, p.parameterisation, signal);
    candidates.push(...(await fitAll([...onPath, ...candidates], fit)));
  }
  if (config.student.method === 'dode' && isOpen) {
    meter.say(`Fitting rows of ${nfe} evaluations to a finer Euler path`);
    const problem = { ...model, pairs: slicePairs(await train(0), 0, warmStartNoises) };
    const fit = (p: Candidate): Promise<Fitted> => fittedDode(problem, p.start, p.parameterisation, signal);
    candidates.push(...(await fitAll(candidates, fit)));
  }
  // What a start cost to find: all that were fitted, whichever is taken.
  const evaluations = candidates.reduce((sum, candidate) => sum + candidate.evaluations, 0);
  const known = candidates.filter(
    ({ start }) => start.solver === startedFrom?.solver && start.spacing === startedFrom.spacing,
  );
  let best: ChosenStart | undefined;
  for (const { start, parameterisation } of known.length > 0 ? known : candidates) {
    meter.say(`${fullLabel(start)} at ${nfe} evaluations`);
    const table = parameterisation.table(parameterisation.initial);
    const validationLosses = await tableLosses(model.denoiser, objective, table, validation, signal);
    const loss = mean(validationLosses);
    // One that gives NaN is not better than any; where all do, learning finds out.
    if (!best || loss < mean(best.validationLosses) || !Number.isFinite(mean(best.validationLosses))) {
      best = { start, parameterisation, table, validationLosses, evaluations };
    }
  }
  return best!;
}

type Candidate = Pick<ChosenStart, 'start' | 'parameterisation' | 'evaluations'>;

/** Starts on the times that suit the teacher's path. */
function pathCandidates(
  { schedule, pairs }: { readonly schedule: NoiseSchedule; readonly pairs: PairSet },
  nfe: number,
  taken: (start: NamedStart) => Parameterisation | undefined,
): Candidate[] {
  return pathStarts(schedule, pairs, nfe).flatMap((found, i): Candidate[] => {
    const start = { ...found, solver: 'DPM-Solver++ 2M', spacing: `path ${i + 1}` };
    const parameterisation = taken(start);
    return parameterisation ? [{ start, parameterisation, evaluations: 0 }] : [];
  });
}

/** The same starts with their rows fitted. */
async function fitAll(
  candidates: readonly Candidate[],
  fit: (candidate: Candidate) => Promise<Fitted>,
): Promise<Candidate[]> {
  const all: Candidate[] = [];
  for (const candidate of candidates) {
    const { start } = candidate;
    all.push({ start: { ...start, solver: `${start.solver}, rows fitted` }, ...(await fit(candidate)) });
  }
  return all;
}

/** The learned table with the nearest number of evaluations among those learned before: the next lower one. */
function learnedNeighbour({ solvers }: Checkpoint, nfe: number): SolverTable | undefined {
  const before = solvers.filter((solver) => solver.nfe < nfe && keptSeed(solver)?.state.best.learned);
  const nearest = before.sort((a, b) => b.nfe - a.nfe)[0];
  return nearest && tableFromData(keptSeed(nearest)!.state.best.table);
}
