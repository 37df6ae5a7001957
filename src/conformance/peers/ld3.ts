import * as z from 'zod';
import { ld3ModelTimes, ld3Times } from '../../diffusion/times-from-logits';
import { ld3, type Ld3Options } from '../../learn/parameterisations/ld3';
import { learnedRun, levelAt, withIdleCall } from './learned';
import type { PeerRun, Peers, PeerSettings } from './peer';
import { predictionOf, scheduleOf } from './schedules';

const parameters = z.strictObject({
  steps: z.int().min(2),
  order: z.literal([1, 2, 3, 4]).default(2),
  time_mode: z.enum(['time', 'lambda']).default('time'),
  /** N + 1 logits of the times, and as many shifts. */
  params1: z.array(z.number()),
  params2: z.array(z.number()),
  win_rate: z.number().positive().default(0.5),
  /** Default bh1 on EDM's schedule (pixels) and bh2 on VP (latents), as in the authors' settings. */
  variant: z.enum(['bh1', 'bh2']).optional(),
  lower_order_final: z.boolean().default(true),
});

function run({ schedule: name, pred, params }: PeerSettings, solver: Ld3Options['solver']): PeerRun {
  const { steps, order, time_mode: mode, params1, params2, win_rate: window, ...rest } = parameters.parse(params);
  if (params1.length !== steps + 1 || params2.length !== steps + 1) {
    throw new RangeError(
      `The program has ${steps + 1} logits and shifts, got ${params1.length} and ${params2.length}.`,
    );
  }
  if (steps < order)
    throw new RangeError(`The program needs at least ${order} steps for order ${order}, got ${steps}.`);
  const schedule = scheduleOf(name, 'log-alpha');
  const timesteps = ld3Times(schedule, params1, mode);
  const timesteps2 = ld3ModelTimes(schedule, params1, params2, mode, window);
  // The program sums the gaps from the clean end in time mode; a gap's logit belongs to the point at its later sum.
  const gaps = mode === 'time' ? params1.slice(1).reverse() : params1.slice(1);
  const multistep = solver === 'dpmpp' || solver === 'unipc';
  const parameterisation = ld3(schedule, timesteps, {
    solver,
    mode,
    window,
    prediction: predictionOf(pred),
    variant: rest.variant ?? (schedule.space === 've' ? 'bh1' : 'bh2'),
    // Only what follows the first order − 1 steps is lowered at the end.
    order: multistep
      ? gaps.map((_, n) =>
          n + 1 < order || !rest.lower_order_final ? Math.min(order, n + 1) : Math.min(order, steps - n),
        )
      : order,
    // In λ mode the program takes the smallest gap of the raw logits.
    ...(mode === 'lambda' ? { maxShift: window * smallestGap(params1) } : {}),
  });
  const theta = [...gaps.slice(1).map((logit) => logit - gaps[0]!), ...params2.slice(1, -1)];
  const { table, startScale } = learnedRun(schedule, parameterisation, theta, schedule.space === 've' ? 80 : 1);
  return {
    table: multistep ? withIdleCall(table, levelAt(schedule, timesteps2[steps]!)) : table,
    startScale,
    grid: { timesteps, timesteps2 },
  };
}

function smallestGap(values: readonly number[]): number {
  return Math.min(...values.slice(1).map((value, i) => Math.abs(value - values[i]!)));
}

const wrapper = '+ trainer.discretize_model_wrapper';

/** LD3 at given logits and shifts. DPM-Solver++ and UniPC ask the model at the sample too, in vain. */
export const ld3Peers: Peers = {
  [`vinhsuhi/LD3 samplers/ipndm.py ${wrapper}`]: (settings) => run(settings, 'ipndm'),
  [`vinhsuhi/LD3 samplers/dpm_solverpp.py ${wrapper}`]: (settings) => run(settings, 'dpmpp'),
  [`vinhsuhi/LD3 samplers/uni_pc.py ${wrapper}`]: (settings) => run(settings, 'unipc'),
};
