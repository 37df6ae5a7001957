import { readFile } from 'node:fs/promises';
import { gridPoint } from '../diffusion/grid-point';
import { gridTimes } from '../diffusion/grids';
import type { NoiseSchedule } from '../diffusion/noise-schedule';
import { dpmSolverV3 } from '../solvers/dpm-solver-v3';
import type { ModelStatistics } from '../solvers/model-statistics';
import { defaultSpacing, type LabelledTable, type SampleSolver } from './sample-table';
import { UserError } from './user-error';

/**
 * The table of DPM-Solver-v3 on the noise levels of its statistics that lie nearest to a spacing.
 *
 * @param dim elements of a sample
 * @throws UserError for statistics that are none or do not fit
 */
export async function v3SampleTable(
  schedule: NoiseSchedule,
  { statistics: path, order = 3, nfe, spacing = defaultSpacing(schedule) }: Extract<SampleSolver, { kind: 'dpm_v3' }>,
  dim: number,
): Promise<LabelledTable> {
  const statistics = await readStatistics(path);
  const { lambda } = statistics;
  try {
    const nearest = Array.from(gridTimes(schedule, spacing, nfe), (t) => {
      const distances = Array.from(lambda, (value) => Math.abs(value - schedule.lambda(t)));
      return distances.indexOf(Math.min(...distances));
    });
    if (new Set(nearest).size < nearest.length) {
      throw new RangeError(`${path} has too few noise levels for ${nfe} steps on ${spacing} times; use fewer steps.`);
    }
    const grid = nearest.map((node) => {
      const t = schedule.timeOfLambda(lambda[node]!);
      const { alpha, sigma } = schedule.at(t);
      return { ...gridPoint(t, alpha, sigma), lambda: lambda[node]! };
    });
    const problem = { grid, prediction: 'data', space: schedule.space } as const;
    const table = dpmSolverV3(problem, statistics, { order });
    if (table.width !== undefined && table.width !== dim) {
      throw new RangeError(
        `${path} has statistics for samples of ${table.width} elements; those of the model have ${dim}.`,
      );
    }
    return { label: `DPM-Solver-v3-${order} · ${spacing}`, table };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError('solver-settings', error.message, { cause: error });
  }
}

async function readStatistics(path: string): Promise<ModelStatistics> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new UserError('solver-settings', `${path} cannot be read as JSON with model statistics.`, { cause: error });
  }
  const given = (value ?? {}) as Readonly<Record<string, unknown>>;
  const [lambda, l, s, b] = ['lambda', 'l', 's', 'b'].map((key) => {
    const list = given[key];
    if (Array.isArray(list) && list.every((entry) => typeof entry === 'number')) return list;
    throw new UserError(
      'solver-settings',
      `${path} must hold lists of numbers "lambda", "l", "s" and "b"; ${key} is none.`,
    );
  }) as [number[], number[], number[], number[]];
  return { lambda, l, s, b };
}
