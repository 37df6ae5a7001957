import * as z from 'zod';
import { discreteTime, dpmSolverGrid, ownTime, type ContinuousTime } from '../../diffusion/dpm-solver-grid';
import { denoiseToZero } from '../../solvers/denoise-to-zero';
import { dpmMultistep } from '../../solvers/dpm-multistep';
import { dpmSinglestep, fastOrders } from '../../solvers/dpm-singlestep';
import type { RecordedTable, TableProblem } from '../../solvers/linear-form';
import type { PeerRun, Peers, PeerSettings } from './peer';
import { predictionOf, scheduleOf, spaceOf } from './schedules';

const settings = z.strictObject({
  steps: z.int().min(1),
  order: z.int().min(1).max(3).default(2),
  skip_type: z.enum(['time_uniform', 'time_quadratic', 'logSNR']).default('time_uniform'),
  // Its fourth, adaptive, has no fixed table.
  method: z.enum(['multistep', 'singlestep', 'singlestep_fixed']).default('multistep'),
  algorithm_type: z.enum(['dpmsolver', 'dpmsolver++']).default('dpmsolver++'),
  t_start: z.number().positive().optional(),
  t_end: z.number().positive().optional(),
  lower_order_final: z.boolean().default(true),
  denoise_to_zero: z.boolean().default(false),
  solver_type: z.enum(['dpmsolver', 'taylor']).default('dpmsolver'),
});
type Settings = z.output<typeof settings>;

/** The authors' program of DPM-Solver and DPM-Solver++ (`DPM_Solver.sample`). */
export const dpmSolverPeers: Peers = {
  'LuChengTHU/dpm-solver dpm_solver_pytorch.py': (given): PeerRun => {
    const parsed = settings.parse(given.params);
    const time = timeOf(given.schedule);
    const { problem, table, grid } = (parsed.method === 'multistep' ? multistep : singlestep)(parsed, time, given);
    const end = time.point(parsed.t_end ?? time.tEnd);
    return { table: parsed.denoise_to_zero ? denoiseToZero(problem, table, end) : table, startScale: 1, grid };
  },
};

interface Sampled {
  readonly problem: TableProblem;
  readonly table: RecordedTable;
  readonly grid: NonNullable<PeerRun['grid']>;
}

/** The program's time: a discrete model is continued to real times by log α, and ends at 1/n. */
function timeOf(schedule: PeerSettings['schedule']): ContinuousTime {
  const levels = scheduleOf(schedule, 'log-alpha');
  return schedule === 'vp_linear' ? ownTime(levels) : discreteTime(levels);
}

function multistep(parsed: Settings, time: ContinuousTime, { pred, space }: PeerSettings): Sampled {
  const { steps, order, solver_type: solverType } = parsed;
  if (steps < order)
    throw new RangeError(`The program wants at least ${order} steps for order ${order}, got ${steps}.`);
  const t = dpmSolverGrid(time, parsed.skip_type, steps, endsOf(parsed));
  const problem = { grid: t.map((s) => time.point(s)), prediction: predictionOf(pred), space: spaceOf(space) };
  const table = dpmMultistep(problem, {
    order,
    prediction: predictionOfAlgorithm(parsed),
    variant: solverType === 'taylor' ? 'taylor' : 'midpoint',
    lowerOrderFinal: parsed.lower_order_final && steps < 10,
  });
  return { problem, table, grid: { t } };
}

/**
 * "DPM-Solver-fast" (singlestep), which uses up the evaluations with steps of lower order at the end, or ⌊steps/order⌋
 * steps of one order (singlestep_fixed). The stages of a step are spaced like the steps.
 */
function singlestep(parsed: Settings, time: ContinuousTime, { pred, space }: PeerSettings): Sampled {
  const { steps, order, skip_type: skipType, method } = parsed;
  const fixed = method === 'singlestep_fixed';
  const orders = fixed ? Array.from({ length: Math.floor(steps / order) }, () => order) : fastOrders(steps, order);
  const ends = endsOf(parsed);
  let outer: number[];
  if (fixed || skipType === 'logSNR') {
    outer = dpmSolverGrid(time, skipType, orders.length, ends);
  } else {
    const all = dpmSolverGrid(time, skipType, steps, ends);
    let reached = 0;
    outer = [all[0]!, ...orders.map((p) => all[(reached += p)]!)];
  }
  const times = orders.flatMap((p, n) =>
    dpmSolverGrid(time, skipType, p, { tStart: outer[n]!, tEnd: outer[n + 1]! }).slice(0, -1),
  );
  const grid = [...times, outer.at(-1)!].map((t) => time.point(t));
  const problem = { grid, prediction: predictionOf(pred), space: spaceOf(space) };
  const table = dpmSinglestep(problem, {
    orders,
    prediction: predictionOfAlgorithm(parsed),
    variant: parsed.solver_type === 'taylor' ? 'taylor' : 'published',
  });
  return { problem, table, grid: { t_outer: outer, orders } };
}

function predictionOfAlgorithm({ algorithm_type: algorithm }: Settings): 'data' | 'noise' {
  return algorithm === 'dpmsolver++' ? 'data' : 'noise';
}

function endsOf({ t_start: tStart, t_end: tEnd }: Settings): { tStart?: number; tEnd?: number } {
  return { ...(tStart === undefined ? {} : { tStart }), ...(tEnd === undefined ? {} : { tEnd }) };
}
