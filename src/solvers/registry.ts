import { cleanPoint } from '../diffusion/grid-point';
import { gridTimes, type GridName } from '../diffusion/grids';
import type { NoiseSchedule } from '../diffusion/noise-schedule';
import { spacingNames } from '../diffusion/spacing';
import { familyNamed } from './catalogue';
import { tableProblem, type RecordedTable } from './linear-form';

/** A classic solver by the names of the catalogue. */
export interface ClassicSolver {
  readonly solver: string;
  readonly order: number;
  /** One of the family's variants; its first when left out. */
  readonly variant?: string;
  readonly timestep_spacing: GridName;
}

/** A grid by its own times instead of a spacing, and how it ends. */
export interface ClassicGrid {
  /** Falling times, ends included. */
  readonly times?: ArrayLike<number>;
  /** End with a step to σ = 0; the last time of the grid is then evaluated too. */
  readonly toZero?: boolean;
}

/**
 * The table of a classic solver with `nfe` evaluations: data prediction in the schedule's own space, from tMax to tMin.
 *
 * @throws RangeError for a solver, order or variant there is not, or evaluations that no grid of the solver takes
 */
export function classicTable(
  schedule: NoiseSchedule,
  choice: ClassicSolver,
  nfe: number,
  { times, toZero = false }: ClassicGrid = {},
): RecordedTable {
  if (!(Number.isInteger(nfe) && nfe >= 1)) {
    throw new RangeError(`A solver needs a whole number of evaluations of at least 1, got ${nfe}.`);
  }
  const family = familyNamed(choice.solver);
  const { order, variant = family.variants[0] ?? '' } = choice;
  // Families of one order have no use for it.
  const used = family.orders.length === 1 ? family.orders[0]! : order;
  if (!family.orders.includes(used)) {
    const [low, high] = [family.orders[0], family.orders.at(-1)];
    throw new RangeError(`${family.title} has orders ${low} to ${high}, got ${order}.`);
  }
  if (variant !== '' && !family.variants.includes(variant)) {
    const known = family.variants.length === 0 ? 'no variants' : `the variants ${family.variants.join(', ')}`;
    throw new RangeError(`${family.title} has ${known}; got "${variant}".`);
  }
  const steps = gridSteps(choice.solver, nfe, toZero);
  const points = times ?? gridPoints(schedule, choice.timestep_spacing, steps, toZero);
  if (points.length !== (toZero ? steps : steps + 1)) {
    throw new RangeError(
      `${family.title} with ${nfe} evaluations needs ${toZero ? steps : steps + 1} times, got ${points.length}.`,
    );
  }
  const problem = tableProblem(schedule, points, 'data', toZero ? [cleanPoint] : []);
  try {
    return family.fill(problem, { order: used, variant, nfe, schedule });
  } catch (error) {
    if (!(error instanceof RangeError) || problem.grid[0]!.alpha > 0) throw error;
    throw new RangeError(
      `${family.title} cannot start where no signal is left (zero terminal SNR); use ddim, dpmpp, unipc, deis or lms.`,
      { cause: error },
    );
  }
}

/** Times of a spacing; with `toZero` its last step goes from tMin to σ = 0, and a single step from tMax. */
function gridPoints(schedule: NoiseSchedule, name: GridName, steps: number, toZero: boolean): ArrayLike<number> {
  if (!toZero) return gridTimes(schedule, name, steps);
  return steps === 1 ? [schedule.tMax] : gridTimes(schedule, name, steps - 1);
}

/**
 * Steps of the grid on which a solver makes `nfe` evaluations.
 *
 * @throws RangeError that says which numbers of evaluations there are
 */
export function gridSteps(solver: string, nfe: number, toZero: boolean): number {
  const { title, evaluations, steps } = familyNamed(solver);
  const found = steps(nfe, toZero);
  if (found !== undefined) return found;
  const near = Array.from({ length: nfe + 8 }, (_, i) => i + 1).filter((n) => steps(n, toZero) !== undefined);
  const [below, above] = [near.findLast((n) => n < nfe), near.find((n) => n > nfe)];
  const others = [below, above].filter((n) => n !== undefined).join(' or ');
  throw new RangeError(`${title} (evaluations: ${evaluations}) cannot make ${nfe}; choose ${others}.`);
}

/** Solvers worth comparing, with the fewest evaluations each needs to differ from one of lower order. */
const candidates: readonly (Pick<ClassicSolver, 'solver' | 'order'> & { readonly minNfe: number })[] = [
  { solver: 'ddim', order: 1, minNfe: 1 },
  { solver: 'dpmpp', order: 2, minNfe: 2 },
  { solver: 'dpmpp', order: 3, minNfe: 3 },
  { solver: 'dpmpp_singlestep', order: 3, minNfe: 4 },
  { solver: 'dpm', order: 3, minNfe: 3 },
  { solver: 'deis', order: 3, minNfe: 3 },
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
export function solverLabel({ solver, order, variant }: Omit<ClassicSolver, 'timestep_spacing'>): string {
  const family = familyNamed(solver);
  const label = family.label(order);
  return variant === undefined || variant === family.variants[0] ? label : `${label} (${variant})`;
}
