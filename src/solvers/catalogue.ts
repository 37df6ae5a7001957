import { pointAt, type GridPoint } from '../diffusion/grid-point';
import type { NoiseSchedule } from '../diffusion/noise-schedule';
import { vpLinear } from '../diffusion/vp-linear';
import { rk2, rk3, rk4, rk4ThreeEighths, type ButcherTableau } from './butcher-tableau';
import { ddim } from './ddim';
import { deis } from './deis';
import { dpm2 } from './dpm2';
import { dpmMultistep } from './dpm-multistep';
import { dpmSinglestep, fastOrders } from './dpm-singlestep';
import { heun } from './heun';
import { ipndm } from './ipndm';
import { ipndmV } from './ipndm-v';
import type { RecordedTable, TableProblem } from './linear-form';
import { lms } from './lms';
import { plmsMoves, pndm } from './pndm';
import { rungeKutta } from './runge-kutta';
import { unipc } from './unipc';

/** What a family is filled with. */
export interface FamilySettings {
  readonly order: number;
  /** One of the family's variants. */
  readonly variant: string;
  readonly nfe: number;
  /** For methods that ask the network between grid points. */
  readonly schedule: NoiseSchedule;
}

/** A family of solvers by one name: what people choose from, and what the docs list. */
export interface SolverFamily {
  /** As in solver.yaml and on the command line. */
  readonly name: string;
  readonly title: string;
  /** The values `order` may have; the last is the default. */
  readonly orders: readonly number[];
  /** The first is the default; a family of one form has none. */
  readonly variants: readonly string[];
  /**
   * Order of accuracy of a whole run on smooth problems with even steps in λ, the start and the end of the sampler
   * included: a multistep method begins with a step of first order, which limits a run to order 2.
   */
  readonly accuracy: (order: number, variant: string) => number;
  /** Evaluations of the network, in words. */
  readonly evaluations: string;
  readonly source: string;
  /**
   * Steps of the grid that take exactly `nfe` evaluations; undefined when none does.
   *
   * @param toZero the last step ends without noise
   */
  readonly steps: (nfe: number, toZero: boolean) => number | undefined;
  readonly label: (order: number) => string;
  readonly fill: (problem: TableProblem, settings: FamilySettings) => RecordedTable;
}

const atMostTwo = (order: number): number => Math.min(order, 2);

const oneAStep = { evaluations: '1 a step', steps: (nfe: number) => nfe };

/** s stages a step; a step to σ = 0 is Euler's. */
function stages(s: number): Pick<SolverFamily, 'evaluations' | 'steps'> {
  return {
    evaluations: `${s} a step, 1 for a step to σ = 0`,
    steps: (nfe, toZero) => {
      const steps = toZero ? (nfe - 1) / s + 1 : nfe / s;
      return Number.isInteger(steps) ? steps : undefined;
    },
  };
}

const dpmSolver = 'Lu et al. 2022, arXiv 2206.00927';
const dpmSolverPlus = 'Lu et al. 2022, arXiv 2211.01095';
const deisPaper = 'Zhang & Chen 2023, arXiv 2204.13902';
const edmPaper = 'Karras et al. 2022, arXiv 2206.00364';

const between =
  (schedule: NoiseSchedule) =>
  (lambda: number): GridPoint =>
    pointAt(schedule, schedule.timeOfLambda(lambda));

function singlestep(prediction: 'data' | 'noise'): Pick<SolverFamily, 'orders' | 'variants' | 'accuracy' | 'fill'> {
  return {
    orders: [1, 2, 3],
    variants: ['published', 'midpoint', 'taylor'],
    accuracy: atMostTwo,
    fill: (problem, { order, variant, nfe }) =>
      dpmSinglestep(problem, {
        orders: fastOrders(nfe, order),
        prediction,
        variant: variant as 'published' | 'midpoint' | 'taylor',
      }),
  };
}

function runge(
  tableaus: Readonly<Record<string, ButcherTableau>>,
): Pick<SolverFamily, 'orders' | 'variants' | 'accuracy' | 'fill'> {
  const [{ order }] = Object.values(tableaus) as [ButcherTableau];
  return {
    orders: [order],
    variants: Object.keys(tableaus),
    accuracy: () => order,
    fill: (problem, { variant, schedule }) =>
      rungeKutta(problem, { tableau: tableaus[variant]!, between: between(schedule) }),
  };
}

/** Every family whose tables depend on nothing but the schedule, in the order lists show them. */
export const families: readonly SolverFamily[] = [
  {
    name: 'ddim',
    title: 'DDIM, Euler in σ/α',
    orders: [1],
    variants: [],
    accuracy: () => 1,
    ...oneAStep,
    source: 'Song et al. 2021, arXiv 2010.02502',
    label: () => 'DDIM',
    fill: (problem) => ddim(problem),
  },
  {
    name: 'dpmpp',
    title: 'DPM-Solver++ multistep (data prediction)',
    orders: [1, 2, 3],
    variants: ['midpoint', 'heun', 'exact'],
    accuracy: atMostTwo,
    ...oneAStep,
    source: dpmSolverPlus,
    label: (order) => `DPM-Solver++ ${order}M`,
    fill: (problem, { order, variant }) =>
      variant === 'exact'
        ? dpmMultistep(problem, { order, thirdOrder: 'exact' })
        : dpmMultistep(problem, { order, variant: variant as 'midpoint' | 'heun' }),
  },
  {
    name: 'dpmpp_singlestep',
    title: 'DPM-Solver++ singlestep (data prediction)',
    ...singlestep('data'),
    ...oneAStep,
    source: dpmSolverPlus,
    label: (order) => `DPM-Solver++ ${order}S`,
  },
  {
    name: 'dpm',
    title: 'DPM-Solver multistep (noise prediction)',
    orders: [1, 2, 3],
    variants: ['midpoint', 'taylor', 'exact'],
    accuracy: atMostTwo,
    ...oneAStep,
    source: dpmSolver,
    label: (order) => `DPM-Solver ${order}M`,
    fill: (problem, { order, variant }) =>
      variant === 'exact'
        ? dpmMultistep(problem, { order, prediction: 'noise', thirdOrder: 'exact' })
        : dpmMultistep(problem, { order, prediction: 'noise', variant: variant as 'midpoint' | 'taylor' }),
  },
  {
    name: 'dpm_singlestep',
    title: 'DPM-Solver singlestep (noise prediction)',
    ...singlestep('noise'),
    ...oneAStep,
    source: dpmSolver,
    label: (order) => `DPM-Solver-${order}`,
  },
  {
    name: 'unipc',
    title: 'UniPC with its corrector',
    orders: [1, 2, 3, 4],
    variants: ['bh2', 'bh1', 'exact', 'vary_coeff'],
    accuracy: (order, variant) => (variant === 'vary_coeff' && order > 1 ? 1 : 2),
    ...oneAStep,
    source: 'Zhao et al. 2023, arXiv 2302.04867',
    label: (order) => `UniPC-${order}`,
    fill: (problem, { order, variant }) =>
      unipc(problem, { order, variant: variant as 'bh1' | 'bh2' | 'exact' | 'vary_coeff' }),
  },
  {
    name: 'unip',
    title: 'UniPC without its corrector',
    orders: [1, 2, 3, 4],
    variants: ['bh2', 'bh1', 'exact'],
    accuracy: atMostTwo,
    ...oneAStep,
    source: 'Zhao et al. 2023, arXiv 2302.04867',
    label: (order) => `UniP-${order}`,
    fill: (problem, { order, variant }) =>
      unipc(problem, { order, variant: variant as 'bh1' | 'bh2' | 'exact', corrector: false }),
  },
  {
    name: 'deis',
    title: 'DEIS',
    orders: [1, 2, 3, 4],
    variants: ['tab', 'logrho', 'rhoab'],
    accuracy: atMostTwo,
    ...oneAStep,
    source: deisPaper,
    label: (order) => `DEIS-${order}`,
    fill: (problem, { order, variant, schedule }) => {
      if (variant === 'rhoab') return lms(problem, { order });
      // Models without a time of the variance-preserving kind are given that of the linear schedule.
      const timeOf = schedule.space === 'vp' ? schedule : vpLinear();
      return deis(problem, { order, variable: variant === 'logrho' ? 'log-rho' : { timeOf } });
    },
  },
  {
    name: 'lms',
    title: 'Linear multistep in σ/α (k-diffusion)',
    orders: [1, 2, 3, 4],
    variants: [],
    accuracy: atMostTwo,
    ...oneAStep,
    source: 'k-diffusion (Crowson 2022)',
    label: (order) => `LMS-${order}`,
    fill: (problem, { order }) => lms(problem, { order }),
  },
  {
    name: 'ipndm',
    title: 'iPNDM, Adams–Bashforth of equal steps',
    orders: [1, 2, 3, 4],
    variants: [],
    accuracy: atMostTwo,
    ...oneAStep,
    source: deisPaper,
    label: (order) => `iPNDM-${order}`,
    fill: (problem, { order }) => ipndm(problem, order),
  },
  {
    name: 'ipndm_v',
    title: 'iPNDM with weights of uneven steps',
    orders: [1, 2, 3, 4],
    variants: [],
    accuracy: atMostTwo,
    ...oneAStep,
    source: 'Zhou et al. 2024, arXiv 2312.00094',
    label: (order) => `iPNDM-v-${order}`,
    fill: (problem, { order }) => ipndmV(problem, { order }),
  },
  {
    name: 'pndm',
    title: 'PNDM with a half-order start (PLMS)',
    orders: [4],
    variants: [],
    accuracy: () => 2,
    evaluations: '1 a step, and 1 to start',
    steps: (nfe) => (nfe === 2 ? undefined : Math.max(1, nfe - 1)),
    source: 'Liu et al. 2022, arXiv 2202.09778',
    label: () => 'PNDM',
    fill: (problem) => pndm(problem, plmsMoves(problem.grid), 'half-order', 'noise'),
  },
  {
    name: 'heun',
    title: 'Heun (EDM)',
    orders: [2],
    variants: [],
    accuracy: () => 2,
    evaluations: '2 a step; the last step is Euler’s when they are odd',
    steps: (nfe, toZero) => (toZero && nfe % 2 === 0 ? undefined : Math.ceil(nfe / 2)),
    source: edmPaper,
    label: () => 'Heun',
    fill: (problem, { nfe }) => heun(problem, nfe),
  },
  {
    name: 'dpm2',
    title: 'DPM2, midpoint in log σ',
    orders: [2],
    variants: [],
    accuracy: () => 2,
    ...stages(2),
    source: edmPaper,
    label: () => 'DPM2',
    fill: (problem, { schedule }) => dpm2(problem, { pointOfLambda: between(schedule) }),
  },
  {
    name: 'rk2',
    title: 'Runge–Kutta of order 2 in σ/α',
    ...runge({ midpoint: rk2(1 / 2), ralston: rk2(2 / 3), heun: rk2(1) }),
    ...stages(2),
    source: 'Kutta 1901; the family in Gusak et al. 2021, arXiv 2103.08561',
    label: () => 'RK2',
  },
  {
    name: 'rk3',
    title: 'Runge–Kutta of order 3 in σ/α',
    ...runge({ ralston: rk3(1 / 2, 3 / 4), kutta: rk3(1 / 2, 1) }),
    ...stages(3),
    source: 'Kutta 1901, Ralston 1962',
    label: () => 'RK3',
  },
  {
    name: 'rk4',
    title: 'Runge–Kutta of order 4 in σ/α',
    ...runge({ classic: rk4, 'three-eighths': rk4ThreeEighths }),
    ...stages(4),
    source: 'Kutta 1901',
    label: () => 'RK4',
  },
];

const byName = new Map(families.map((family) => [family.name, family]));

/** @throws RangeError that names the families there are */
export function familyNamed(name: string): SolverFamily {
  const family = byName.get(name);
  if (family) return family;
  throw new RangeError(`There is no solver "${name}"; there are ${families.map((entry) => entry.name).join(', ')}.`);
}
