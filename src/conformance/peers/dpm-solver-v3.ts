import * as z from 'zod';
import { gridPoint } from '../../diffusion/grid-point';
import { interpolate } from '../../diffusion/noise-schedule';
import { dpmSolverV3 } from '../../solvers/dpm-solver-v3';
import type { ModelStatistics } from '../../solvers/model-statistics';
import type { ReferenceStatistics } from '../case';
import type { PeerRun, Peers, PeerSettings } from './peer';
import { predictionOf, scheduleOf, spaceOf } from './schedules';

const parameters = z.strictObject({
  steps: z.int().min(1),
  order: z.int().min(1).max(3),
  use_corrector: z.boolean(),
  p_pseudo: z.boolean(),
  c_pseudo: z.boolean(),
  lower_order_final: z.boolean(),
  skip_type: z.enum(['logSNR', 'time_uniform', 'time_quadratic', 'edm']),
  /** Which l, s and b; `degenerate` is the program's l = 1, s = b = 0. */
  statistics: z.enum(['degenerate', 'scalar', 'perdim']),
  statistics_steps: z.int().min(1),
});
type Parameters = z.output<typeof parameters>;

/** `DPM_Solver_v3.sample` on EDM's schedule: steps are moved to the nearest λ of the statistics. */
function dpmSolverV3Edm({ schedule, space, pred, params, statistics }: PeerSettings): PeerRun {
  if (schedule !== 'edm' || space !== 've') throw new RangeError('The EDM version of DPM-Solver-v3 samples EDM only.');
  const parsed = parameters.parse(params);
  const { tMin, tMax } = scheduleOf(schedule, 'log-sigma');
  const lambda = Float64Array.from({ length: parsed.statistics_steps + 1 }, (_, i) =>
    interpolate(-Math.log(tMax), -Math.log(tMin), i / parsed.statistics_steps),
  );
  const index = stepIndexes(parsed, lambda, tMin, tMax);
  const t = index.map((i) => Math.exp(-lambda[i]!));
  const { order, use_corrector, p_pseudo, c_pseudo, lower_order_final } = parsed;
  const table = dpmSolverV3(
    { grid: t.map((sigma) => gridPoint(sigma, 1, sigma)), prediction: predictionOf(pred), space: spaceOf(space) },
    modelStatistics(parsed, lambda, statistics),
    {
      order,
      corrector: use_corrector,
      predictorPseudo: p_pseudo,
      correctorPseudo: c_pseudo,
      lowerOrderFinal: lower_order_final,
    },
  );
  return { table, startScale: tMax, grid: { t, index } };
}

/** Where the steps fall on the grid of the statistics. */
function stepIndexes({ steps, skip_type }: Parameters, lambda: Float64Array, tMin: number, tMax: number): number[] {
  const last = lambda.length - 1;
  const [from, to] = [lambda[0]!, lambda[last]!];
  const power = { logSNR: 1, time_uniform: 1, time_quadratic: 2, edm: 7 }[skip_type];
  return Array.from({ length: steps + 1 }, (_, n) => {
    const time = interpolate(tMax ** (1 / power), tMin ** (1 / power), n / steps) ** power;
    const wanted = skip_type === 'logSNR' ? interpolate(from, to, n / steps) : -Math.log(time);
    return roundHalfEven((last * (wanted - from)) / (to - from));
  });
}

/** The nearest whole number, the even one of two equally near, as PyTorch rounds. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

function modelStatistics(
  { statistics: kind, statistics_steps }: Parameters,
  lambda: Float64Array,
  stored: ReferenceStatistics | undefined,
): ModelStatistics {
  if (kind === 'degenerate') {
    const zeros = new Float64Array(lambda.length);
    return { lambda, l: zeros.map(() => 1), s: zeros, b: zeros };
  }
  if (stored?.statistics_steps !== statistics_steps) {
    throw new RangeError(`The file holds no model statistics with ${statistics_steps} steps for this case.`);
  }
  return { lambda, ...stored[kind] };
}

export const dpmSolverV3Peers: Peers = {
  'thu-ml/DPM-Solver-v3 codebases/edm/samplers/dpm_solver_v3.py': dpmSolverV3Edm,
};
