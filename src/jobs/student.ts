import type { ResolvedConfig } from '../config/resolved';
import { gridTimes } from '../diffusion/grids';
import { methodParameterisation, startsAtItself } from '../learn/methods';
import type { MethodStart } from '../learn/methods';
import type { Parameterisation } from '../learn/parameterisation';
import { gridSteps } from '../solvers/registry';
import { classicTables, namedClassic } from './classics';
import type { NamedClassic, NamedTable } from './classics';
import type { BaselineResult } from './checkpoint';
import type { OpenModel } from './open-model';
import { fullLabel } from './run-context';
import { UserError } from './user-error';

/** A classic solver's place in a ranking, by its names. */
type Ranked = Pick<BaselineResult, 'solver' | 'spacing'>;

/** What a choice of starts depends on: a `RunContext` has it. */
interface StartContext {
  readonly config: Pick<ResolvedConfig, 'student'>;
  readonly model: Pick<OpenModel, 'schedule'>;
}

/** A solver that learning may start from, with the names reports have for it. */
export type NamedStart = NamedTable & MethodStart;

const methodTitles = {
  table: 'S4S table',
  s4s: 'S4S',
  's4s-alt': 'S4S-Alt',
  ld3: 'LD3',
  gs: 'GS',
  bns: 'BNS',
  dyweight: 'DyWeight',
  dode: 'D-ODE',
  neural_solver: 'NeuralSolver',
  amed: 'AMED',
} as const;

/**
 * The label of a learned table in reports: `S4S table`, `S4S-Alt lms-3`, `DyWeight-3`, `LD3 · UniPC-3`.
 *
 * @param startedFrom the solver learning started from, once it is known: what LD3 learns the times of
 */
export function methodLabel(
  { student }: StartContext['config'],
  startedFrom: { readonly solver: string } | null = null,
): string {
  const { method, family, order } = student;
  const title = methodTitles[method];
  if (method === 's4s' || method === 's4s-alt') return `${title} ${family}-${order}`;
  if (method === 'dyweight') return `${title}-${order}`;
  return method === 'ld3' && startedFrom ? `${title} · ${startedFrom.solver}` : title;
}

/** Whether learning may begin at rows fitted to the teacher's path. Published methods begin where their papers do. */
export function startsAreFitted({ student }: StartContext['config']): boolean {
  return student.method === 'table' && student.init === 'auto';
}

/** A classic table by its place in a ranking. */
export function findClassic(
  { model }: Pick<StartContext, 'model'>,
  baselines: readonly Ranked[],
  nfe: number,
  rank: number,
): NamedClassic {
  const { solver, spacing: name } = baselines[rank]!;
  return classicTables(model.schedule, nfe).find((c) => c.solver === solver && c.spacing === name)!;
}

/**
 * The classic solvers that learning may start from, in order of preference: `init` alone when it names one; else by
 * their place in the ranking, those first that learning would really begin at (others lend their grid only).
 */
export function startsOf({ config, model }: StartContext, baselines: readonly Ranked[], nfe: number): NamedStart[] {
  const { schedule } = model;
  const startOf = (classic: NamedClassic): NamedStart => {
    const { solver, timestep_spacing } = classic.choice;
    return { ...classic, grid: gridTimes(schedule, timestep_spacing, gridSteps(solver, nfe, false)), nfe };
  };
  const { init } = config.student;
  if (init !== 'auto') return [startOf(namedClassic(schedule, init, nfe))];
  const classics = classicTables(schedule, nfe);
  const ranked = baselines.flatMap(
    (baseline) => classics.find((c) => c.solver === baseline.solver && c.spacing === baseline.spacing) ?? [],
  );
  const isOwn = ({ choice }: NamedClassic): boolean => startsAtItself(config.student, choice);
  return [...ranked.filter(isOwn), ...ranked.filter((classic) => !isOwn(classic))].map(startOf);
}

/**
 * The first start that the student's method takes, and what it learns from there. Learning begins at the table of
 * `parameterisation.initial`, which need not be that of the start (see `methodParameterisation`).
 *
 * @throws UserError when it takes none of them
 */
export function firstTaken(
  { config, model }: StartContext,
  starts: readonly NamedStart[],
): { parameterisation: Parameterisation; start: NamedStart } {
  for (const start of starts) {
    const parameterisation = methodParameterisation(model.schedule, config.student, start);
    if (parameterisation) return { parameterisation, start };
  }
  const [first] = starts;
  const label = methodLabel(config);
  if (config.student.init === 'auto' || !first) {
    throw new UserError(
      'no-start',
      `${label} can start from no classic solver at ${first?.nfe ?? 'these'} evaluations.${advice(config, model)}`,
    );
  }
  throw new UserError(
    'start-not-in-family',
    `${label} cannot start from ${fullLabel(first)} at ${first.nfe} evaluations; it needs ${needs(config)}.` +
      ' Set student.init to auto or to one of these, or use method table, which takes any start.',
  );
}

/** What the method starts from, for the person who chose something else. */
function needs({ student }: StartContext['config']): string {
  const { method, family, order } = student;
  switch (method) {
    case 's4s':
    case 's4s-alt':
      return {
        lms: `a multistep solver of order ${order} or less, such as ddim or dpmpp`,
        pc: `a multistep solver of order ${order} or less, such as ddim, dpmpp or unipc`,
        ss: `ddim, or a singlestep solver or heun whose steps fit into steps of ${order} evaluations`,
      }[family];
    case 'ld3':
      return 'ddim, ipndm, dpmpp or unipc of order 3 or less (ipndm: 4), and two evaluations or more';
    case 'amed':
      return 'heun, of which it takes the times, and some signal at the start';
    case 'bns':
      return 'a solver that asks the network once at each time, as all do but heun';
    case 'gs':
    case 'dyweight':
    case 'dode':
      return 'a solver of one evaluation a step, of which it takes the times, and some signal at the start';
    case 'neural_solver':
      return 'a solver of one evaluation a step, of which it takes the times';
    case 'table':
      return 'evaluations at noise levels that differ from that of the pure noise';
  }
}

function advice({ student }: StartContext['config'], { schedule }: StartContext['model']): string {
  if (schedule.at(schedule.tMax).alpha === 0) {
    return ' The noise schedule leaves no signal at its start (rescale_betas_zero_snr); use method table, s4s or bns.';
  }
  return student.num_inference_steps[0] === 1 ? ' It needs more than one; use method table.' : ' Use method table.';
}
