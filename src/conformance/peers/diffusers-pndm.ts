import * as z from 'zod';
import { diffusersGrid } from '../../diffusion/diffusers-grid';
import { pndm, type PndmMove } from '../../solvers/pndm';
import { vpLevels, type VpLevels } from './diffusers-vp-levels';
import type { Peers } from './peer';
import { betasOf, predictionOf } from './schedules';

const parameters = z.strictObject({
  steps: z.int().min(1),
  prediction_type: z.enum(['epsilon', 'v_prediction']).default('epsilon'),
  skip_prk_steps: z.boolean().default(false),
  set_alpha_to_one: z.boolean().default(false),
  steps_offset: z.int().default(0),
  timestep_spacing: z.enum(['leading', 'linspace', 'trailing']).default('leading'),
});

/** diffusers' PNDM with its Runge–Kutta start, or the half-order start of PLMS where that is skipped. */
export const diffusersPndmPeers: Peers = {
  'diffusers PNDMScheduler': ({ schedule, pred, params }) => {
    const { steps, skip_prk_steps, set_alpha_to_one, steps_offset, timestep_spacing } = parameters.parse(params);
    if (!skip_prk_steps && steps < 4) {
      throw new RangeError(`PNDM's Runge–Kutta start needs 4 steps or more, got ${steps}.`);
    }
    const betas = betasOf(schedule);
    const spaced = diffusersGrid({
      steps,
      betas,
      family: 'ddim',
      spacing: timestep_spacing,
      stepsOffset: steps_offset,
    }).timesteps;
    const levels = vpLevels(betas, steps, set_alpha_to_one);
    const moves = skip_prk_steps ? plmsMoves(spaced, levels) : prkMoves(spaced, levels);
    const timesteps = moves.map((move) => move.at.t);
    const problem = { grid: spaced.map(levels.at), prediction: predictionOf(pred), space: 'vp' } as const;
    return {
      table: pndm(problem, moves, skip_prk_steps ? 'half-order' : 'runge-kutta'),
      startScale: 1,
      grid: { timesteps },
    };
  },
};

function plmsMoves(timesteps: readonly number[], { stride, at }: VpLevels): PndmMove[] {
  return timesteps.flatMap((t, n) => {
    const move = { at: at(t), from: at(t), to: at(t - stride) };
    // The first step is taken again with the second timestep's output, and to that timestep.
    return n === 1 ? [{ at: at(t), from: at(t + stride), to: at(t) }, move] : [move];
  });
}

function prkMoves(timesteps: readonly number[], { stride, at }: VpLevels): PndmMove[] {
  const half = Math.floor(stride / 2);
  return timesteps.flatMap((t, n) => {
    if (n > 2) return [{ at: at(t), from: at(t), to: at(t - stride) }];
    const next = timesteps[n + 1]!;
    // The middle is counted from the end of the step, but the first stage from its start.
    const middle = next + half;
    return [
      { at: at(t), from: at(t), to: at(t - half) },
      { at: at(middle), from: at(t), to: at(middle) },
      { at: at(middle), from: at(t), to: at(next) },
      { at: at(next), from: at(t), to: at(next) },
    ];
  });
}
