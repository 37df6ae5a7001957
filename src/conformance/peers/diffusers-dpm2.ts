import * as z from 'zod';
import { diffusersGrid, timestepOfSigma, trainingSigmas } from '../../diffusion/diffusers-grid';
import { dpm2 } from '../../solvers/dpm2';
import { rampOf, rampSettings } from './diffusers-ramp';
import { initialNoise, veStatePoints } from './diffusers-ve-state';

import { atTimesteps } from './network-levels';
import type { Peers } from './peer';
import { betasOf, predictionOf } from './schedules';

const parameters = z.strictObject({
  steps: z.int().min(1),
  prediction_type: z.enum(['epsilon', 'v_prediction']).default('epsilon'),
  ...rampSettings,
  timestep_spacing: z.enum(['linspace', 'leading', 'trailing']).default('linspace'),
  steps_offset: z.int().default(0),
});

/** diffusers' KDPM2: midpoints in log σ̂ at real-valued timesteps, and an Euler step to σ = 0. */
export const diffusersDpm2Peers: Peers = {
  'diffusers KDPM2DiscreteScheduler': ({ schedule, pred, params }) => {
    const { steps, timestep_spacing: spacing, steps_offset: stepsOffset, ...options } = parameters.parse(params);
    const betas = betasOf(schedule);
    const { timesteps, sigmas } = diffusersGrid({
      steps,
      betas,
      family: 'euler',
      spacing,
      stepsOffset,
      roundRamp: true,
      ...rampOf(options),
    });
    const logSigmas = trainingSigmas(betas).map((sigma) => Math.log(sigma));
    const problem = {
      grid: veStatePoints(timesteps, sigmas),
      prediction: predictionOf(pred),
      space: 've',
      networkSpace: 'vp',
    } as const;
    const table = dpm2(problem, {
      pointOfLambda: (lambda) => {
        const sigma = Math.exp(-lambda);
        return veStatePoints([timestepOfSigma(sigma, logSigmas)], [sigma])[0]!;
      },
    });
    return {
      table: atTimesteps(table, betas),
      startScale: initialNoise(spacing, sigmas),
      grid: {
        timesteps: table.times,
        // As the program lays them out: every level after the first twice, and one more 0.
        sigmas: [sigmas[0]!, ...sigmas.slice(1).flatMap((sigma) => [sigma, sigma]), 0],
      },
    };
  },
};
