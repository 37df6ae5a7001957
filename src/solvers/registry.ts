import type { NoiseSchedule } from '../diffusion/noise-schedule';
import { spacing, spacingNames, type SpacingName } from '../diffusion/spacing';
import { ddim } from './ddim';
import { dpmppMultistep } from './dpmpp-multistep';
import { heun, heunSteps } from './heun';
import { ipndm } from './ipndm';
import { tableProblem } from './linear-form';
import type { SolverTable } from './table';
import { unipc } from './unipc';

/** A classic solver by the names of solver.yaml; `order` is ignored by ddim and heun. */
export interface ClassicSolver {
  readonly solver: 'ddim' | 'dpmpp' | 'ipndm' | 'unipc' | 'heun';
  readonly order: number;
  readonly timestep_spacing: SpacingName;
}

/**
 * The table of a classic solver with `nfe` evaluations: data prediction in the schedule's own space, from tMax to tMin.
 *
 * @throws RangeError for an order the solver does not have
 */
export function classicTable(schedule: NoiseSchedule, choice: ClassicSolver, nfe: number): SolverTable {
  if (!(Number.isInteger(nfe) && nfe >= 1)) {
    throw new RangeError(`A solver needs a whole number of evaluations of at least 1, got ${nfe}.`);
  }
  const { solver, order } = choice;
  const steps = solver === 'heun' ? heunSteps(nfe) : nfe;
  const problem = tableProblem(schedule, spacing(schedule, choice.timestep_spacing, steps));
  switch (solver) {
    case 'ddim':
      return ddim(problem);
    case 'dpmpp':
      return dpmppMultistep(problem, { order });
    case 'ipndm':
      return ipndm(problem, order);
    case 'unipc':
      return unipc(problem, { order });
    case 'heun':
      return heun(problem, nfe);
  }
}

/** Solvers worth comparing, with the fewest evaluations each needs to differ from one of lower order. */
const candidates: readonly (Pick<ClassicSolver, 'solver' | 'order'> & { readonly minNfe: number })[] = [
  { solver: 'ddim', order: 1, minNfe: 1 },
  { solver: 'dpmpp', order: 2, minNfe: 2 },
  { solver: 'dpmpp', order: 3, minNfe: 3 },
  { solver: 'ipndm', order: 2, minNfe: 2 },
  { solver: 'ipndm', order: 3, minNfe: 3 },
  { solver: 'ipndm', order: 4, minNfe: 4 },
  { solver: 'unipc', order: 2, minNfe: 2 },
  { solver: 'unipc', order: 3, minNfe: 3 },
  { solver: 'heun', order: 2, minNfe: 2 },
];

/** Every (solver, order, spacing) that makes sense with `nfe` evaluations. */
export function classicSolvers(nfe: number): ClassicSolver[] {
  return candidates
    .filter(({ minNfe }) => minNfe <= nfe)
    .flatMap(({ solver, order }) => spacingNames.map((timestep_spacing) => ({ solver, order, timestep_spacing })));
}

/** The name people know a solver by, without its spacing. */
export function solverLabel({ solver, order }: Pick<ClassicSolver, 'solver' | 'order'>): string {
  switch (solver) {
    case 'ddim':
      return 'DDIM';
    case 'dpmpp':
      return `DPM-Solver++ ${order}M`;
    case 'ipndm':
      return `iPNDM-${order}`;
    case 'unipc':
      return `UniPC-${order}`;
    case 'heun':
      return 'Heun';
  }
}
