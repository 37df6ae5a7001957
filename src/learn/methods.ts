import type { NoiseSchedule } from '../diffusion/noise-schedule';
import { tableProblem } from '../solvers/linear-form';
import type { ClassicSolver } from '../solvers/registry';
import type { SolverTable } from '../solvers/table';
import { range } from './dual-table';
import { consistentTable, freeTable } from './free-table';
import type { Parameterisation } from './parameterisation';
import { amed } from './parameterisations/amed';
import { bns } from './parameterisations/bns';
import { dode } from './parameterisations/dode';
import { dyweight } from './parameterisations/dyweight';
import { gs } from './parameterisations/gs';
import { ld3, type Ld3Options } from './parameterisations/ld3';
import { neuralSolver } from './parameterisations/neural-solver';
import type { LearnedTimes } from './parameterisations/learned-grid';
import { s4sLms } from './parameterisations/s4s-lms';
import { s4sPc } from './parameterisations/s4s-pc';
import { s4sSs } from './parameterisations/s4s-ss';

/** What can be learned, by the names of solver.yaml. */
export const methodNames = [
  'table',
  's4s',
  's4s-alt',
  'ld3',
  'gs',
  'bns',
  'dyweight',
  'dode',
  'neural_solver',
  'amed',
] as const satisfies readonly string[];
export type MethodName = (typeof methodNames)[number];

/** The families of S4S: linear multistep, predictor–corrector, single steps. */
export const methodFamilies = ['lms', 'pc', 'ss'] as const satisfies readonly string[];
export type MethodFamily = (typeof methodFamilies)[number];

export interface MethodChoice {
  readonly method: MethodName;
  /** Of s4s and s4s-alt. */
  readonly family: MethodFamily;
  /**
   * lms and pc: outputs a step (of the predictor) combines, 1 to 4. ss: stages of a step, 1 to 4. dyweight: slopes a step
   * combines, 1 or more. Fewer where there are fewer. The other methods have none.
   */
  readonly order: number;
  /** Of table: rows stay exact for a model that always answers the same, which leaves fewer numbers. Default false. */
  readonly consistent_rows?: boolean;
  /** Of table: the network's times may meet but not overtake each other. Default false. */
  readonly monotone_times?: boolean;
}

/** A solver that learning may start from. */
export interface MethodStart {
  readonly choice: ClassicSolver;
  readonly table: SolverTable;
  /** Falling times, ends included: one more than steps, which are `nfe` but for solvers of several evaluations a step. */
  readonly grid: ArrayLike<number>;
  readonly nfe: number;
}

interface Method {
  /** Orders there are; methods without have no use for one. */
  readonly orders?: readonly [low: number, high: number];
  /** Classic solvers that `initial` is the table of (nearly, for gs); every solver that is taken when left out. */
  readonly startsAt?: (solver: ClassicSolver, choice: MethodChoice) => boolean;
  readonly from: (schedule: NoiseSchedule, start: MethodStart, choice: MethodChoice) => Parameterisation | undefined;
  readonly count: (nfe: number, choice: MethodChoice) => number;
}

const s4s: Method = {
  orders: [1, 4],
  from(schedule, start, { method, family, order }) {
    const times: LearnedTimes = method === 's4s-alt' ? 'both' : 'shifts';
    const { table, nfe } = start;
    // Data first: it is what S4S integrates where the start leaves the choice.
    for (const prediction of ['data', 'noise'] as const) {
      const found =
        family === 'ss'
          ? s4sSs(schedule, table, {
              stages: stagesOf(nfe, order),
              grid: [...table.times, start.grid[start.grid.length - 1]!],
              prediction,
              times,
            })
          : (family === 'pc' ? s4sPc : s4sLms)(schedule, table, { order, grid: start.grid, prediction, times });
      if (found) return found;
    }
    return undefined;
  },
  count(nfe, { method, family, order }) {
    const stages = stagesOf(nfe, order);
    const window = sum(range(0, nfe).map((n) => Math.min(n + 1, order)));
    const corrector = window - Math.min(nfe, order) + nfe - 1;
    const coefficients = {
      lms: window,
      pc: window + corrector,
      ss: sum(stages.map((s) => (s * (s + 1)) / 2)),
    }[family];
    const gaps = family === 'ss' ? stages.length - 1 : nfe - 1;
    return coefficients + nfe + (method === 's4s-alt' ? gaps : 0);
  },
};

const methods: Readonly<Record<MethodName, Method>> = {
  table: {
    from: (schedule, { table }, { consistent_rows: consistent = false, monotone_times: monotone = false }) =>
      (consistent ? consistentTable : freeTable)(schedule, table, { monotone }),
    count: (nfe, { consistent_rows: consistent = false }) => (nfe * (consistent ? nfe + 1 : nfe + 5)) / 2,
  },
  s4s,
  's4s-alt': s4s,
  ld3: {
    from(schedule, start) {
      const solver = ld3Solver(start.choice);
      if (!solver || !isMultistep(start)) return undefined;
      return ld3(schedule, start.grid, { ...solver, prediction: start.table.prediction });
    },
    count: (nfe) => 2 * nfe - 2,
  },
  gs: {
    startsAt: ({ solver, order }) => solver === 'dpmpp' && order === 3,
    from: (schedule, start) =>
      isMultistep(start) ? gs(schedule, start.grid, { prediction: start.table.prediction }) : undefined,
    count: (nfe) => nfe * nfe + 3 * nfe - 1,
  },
  bns: {
    from: (schedule, { table, grid }) => bns(schedule, table, { end: grid[grid.length - 1]! }),
    count: (nfe) => (nfe * (nfe + 5)) / 2 - 1,
  },
  dyweight: {
    orders: [1, Infinity],
    startsAt: ({ solver, order }, choice) => solver === 'ipndm' && order === Math.min(choice.order, 4),
    from: (schedule, start, { order }) =>
      isMultistep(start)
        ? dyweight(schedule, start.grid, { window: order, prediction: start.table.prediction })
        : undefined,
    count: (nfe, { order }) => sum(range(0, nfe).map((n) => Math.min(n + 1, order))) + nfe,
  },
  dode: {
    startsAt: ({ solver }) => solver === 'ddim' || solver === 'heun',
    from(schedule, start) {
      const { choice, grid, nfe } = start;
      const base = choice.solver === 'heun' ? 'heun' : 'euler';
      // Heun's last step would be Euler's for an odd number; D-ODE has that for a step to σ = 0 only.
      if (base === 'heun' ? nfe % 2 === 1 : !isMultistep(start)) return undefined;
      return dode(tableProblem(schedule, grid, start.table.prediction), base);
    },
    count: (nfe) => nfe - 1,
  },
  neural_solver: {
    startsAt: ({ solver }) => solver === 'ddim',
    from: (schedule, start) =>
      isMultistep(start) ? neuralSolver(schedule, start.grid, { prediction: start.table.prediction }) : undefined,
    count: (nfe) => (nfe * (nfe + 1)) / 2,
  },
  amed: {
    startsAt: () => false,
    from(schedule, { grid, nfe, table }) {
      if (grid.length !== Math.ceil(nfe / 2) + 1 || nfe < 2) return undefined;
      const { prediction } = table;
      return amed(schedule, grid, nfe % 2 === 0 ? { prediction } : { prediction, analyticFirstStep: { r: 0.5 } });
    },
    count: (nfe) => 3 * Math.ceil(nfe / 2) - (nfe % 2),
  },
};

/**
 * What a method learns from a start: θ, and the table of each θ. Learning begins at the table of `initial`. That is the
 * start's own table for
 *
 * - table (any start; with consistent rows one that has them, as classic solvers do) and bns (starts whose network times fall);
 * - s4s and s4s-alt, whose family has to contain the start, on data or else on noise: multistep solvers of no more outputs
 *   a step than `order` (pc: one more) for lms and pc; for ss single steps of `order` evaluations, fewer in the last;
 * - ld3: ddim, ipndm, dpmpp and unipc, whose solver, order and variant stay and whose grid moves.
 *
 * The others bring their solver, and only the grid is taken: gs begins at DPM-Solver++ 3M (its order never lowered at the
 * end), dyweight at iPNDM, neural_solver and dode at DDIM (dode at Heun when the start is Heun, for even numbers of
 * evaluations), amed at DPM2 on the grid of a Heun start of as many evaluations; where these are odd, its first slope is
 * the analytic one, which is no evaluation (and r of that step is not learned).
 *
 * @returns undefined when the start is not taken: no member, another grid, no signal at its beginning, nothing to learn
 * @throws RangeError for an order that the method does not have
 */
export function methodParameterisation(
  schedule: NoiseSchedule,
  choice: MethodChoice,
  start: MethodStart,
): Parameterisation | undefined {
  assertOrder(choice);
  if (methods[choice.method].count(start.nfe, choice) === 0) return undefined;
  try {
    return methods[choice.method].from(schedule, start, choice);
  } catch (error) {
    // What a parameterisation says of a start that it cannot take; choices were checked before.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/**
 * Whether `initial` of a method from this solver is, but for the last steps' order, the solver's own table. Starts that
 * only lend their grid are worth trying after these.
 */
export function startsAtItself(choice: MethodChoice, solver: ClassicSolver): boolean {
  return methods[choice.method].startsAt?.(solver, choice) ?? true;
}

/**
 * How many numbers a method learns for a solver of `nfe` evaluations; undefined when there is none to learn.
 *
 * @throws RangeError for an order that the method does not have
 */
export function parameterCount(choice: MethodChoice, nfe: number): number | undefined {
  assertOrder(choice);
  const count = methods[choice.method].count(nfe, choice);
  return count > 0 ? count : undefined;
}

/** Stages of each step of family ss: `order` a step, and what is left in the last. */
export function stagesOf(nfe: number, order: number): number[] {
  const rest = nfe % order;
  return [...Array.from({ length: Math.floor(nfe / order) }, () => order), ...(rest === 0 ? [] : [rest])];
}

function assertOrder({ method, order }: MethodChoice): void {
  const { orders } = methods[method];
  if (!orders) return;
  const [low, high] = orders;
  if (Number.isInteger(order) && order >= low && order <= high) return;
  const known = high === Infinity ? `orders from ${low}` : `orders ${low} to ${high}`;
  throw new RangeError(`The method ${method} has ${known}, got ${order}.`);
}

/** One evaluation a step. */
function isMultistep({ grid, nfe }: MethodStart): boolean {
  return grid.length === nfe + 1;
}

function ld3Solver({ solver, order, variant }: ClassicSolver): Ld3Options | undefined {
  switch (solver) {
    case 'ddim':
      return { solver: 'euler' };
    case 'ipndm':
      return { solver, order };
    case 'dpmpp':
      return variant === undefined || variant === 'midpoint' ? { solver, order } : undefined;
    case 'unipc':
      if (variant !== undefined && variant !== 'bh1' && variant !== 'bh2') return undefined;
      return { solver, order, variant: variant ?? 'bh2' };
    default:
      return undefined;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
