import type { ResolvedConfig } from '../config/resolved';
import { gridTimes } from '../diffusion/grids';
import { freeTable } from '../learn/free-table';
import type { Parameterisation } from '../learn/parameterisation';
import { s4sLms } from '../learn/parameterisations/s4s-lms';
import { classicTables, namedClassic } from './classics';
import type { NamedClassic, NamedTable } from './classics';
import type { BaselineResult } from './checkpoint';
import { fullLabel } from './run-context';
import type { RunContext } from './run-context';
import { UserError } from './user-error';

const methodLabels = { s4s: 'S4S', 's4s-alt': 'S4S-Alt', table: 'S4S table' } as const;

/** The label of a learned table in reports: `S4S table`, `S4S-Alt lms-3`. */
export function methodLabel({ student }: ResolvedConfig): string {
  const name = methodLabels[student.method];
  return student.method === 'table' ? name : `${name} ${student.family}-${student.order}`;
}

/** A classic table by its place in a ranking. */
export function findClassic(
  { model }: Pick<RunContext, 'model'>,
  baselines: readonly BaselineResult[],
  nfe: number,
  rank: number,
): NamedClassic {
  const { solver, spacing: name } = baselines[rank]!;
  return classicTables(model.schedule, nfe).find((c) => c.solver === solver && c.spacing === name)!;
}

/**
 * The table learning starts from and how it is parameterised: the free table takes any start; S4S needs a member of its
 * family, so `init: auto` is there the best classic solver that is one.
 */
export function chooseStart(
  context: RunContext,
  baselines: readonly BaselineResult[],
  nfe: number,
): { parameterisation: Parameterisation; start: NamedTable } {
  const { config, model } = context;
  const { init } = config.student;
  if (init !== 'auto') {
    const start = namedClassic(model.schedule, init, nfe);
    const parameterisation = parameterise(context, start);
    if (!parameterisation) {
      throw new UserError(
        'start-not-in-family',
        `${fullLabel(start)} is not a member of family ${config.student.family} with order ${config.student.order}.` +
          ' Set student.init to ddim or dpmpp, raise student.order, or use method table, which takes any start.',
      );
    }
    return { parameterisation, start };
  }
  for (let rank = 0; rank < baselines.length; rank++) {
    const start = findClassic(context, baselines, nfe, rank);
    const parameterisation = parameterise(context, start);
    if (parameterisation) return { parameterisation, start };
  }
  throw new UserError('no-start', `No classic solver at ${nfe} evaluations is a member of the student's family.`);
}

function parameterise({ config, model }: RunContext, start: NamedClassic): Parameterisation | undefined {
  const { method, order } = config.student;
  if (method === 'table') return freeTable(model.schedule, start.table);
  if (start.choice.solver === 'heun') return undefined;
  const grid = gridTimes(model.schedule, start.choice.timestep_spacing, start.table.nfe);
  return s4sLms(model.schedule, start.table, { order, grid, times: method === 's4s-alt' ? 'both' : 'shifts' });
}
