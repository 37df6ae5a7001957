import * as z from 'zod';
import { count, meta } from './schema-key';

const trainTimesteps = () =>
  count(2, 1_000_000)
    .default(1000)
    .meta(
      meta({
        text: 'How many discrete times the model was trained with.',
        unit: 'times',
        source: 'diffusers `num_train_timesteps`',
      }),
    );

const scheduleType = meta({
  text: 'Kind of noise schedule; it decides which other keys there are.',
  source: 'diffusers `beta_schedule`',
});

const beta = (text: string, example: number) =>
  z
    .number()
    .gt(0)
    .lt(1)
    .meta(meta({ text, example, unit: 'variance per training step', source: 'diffusers' }));

const zeroTerminalSnr = () =>
  z
    .boolean()
    .default(false)
    .meta(
      meta({
        text: 'Whether the betas are rescaled so that the last training step is pure noise. The network must not be of prediction_type epsilon then, and no solver or spacing may need signal at the start.',
        source: 'diffusers `rescale_betas_zero_snr`, arXiv 2305.08891',
      }),
    );

const betaSchedule = (type: 'linear' | 'scaled_linear', text: string) =>
  z
    .strictObject({
      type: z.literal(type).meta(scheduleType),
      beta_start: beta('Variance of the first training step, from the `scheduler_config.json` of the model.', 0.0001),
      beta_end: beta('Variance of the last training step, from the `scheduler_config.json` of the model.', 0.02),
      num_train_timesteps: trainTimesteps(),
      rescale_betas_zero_snr: zeroTerminalSnr(),
    })
    .meta({ description: text });

const scoreSde = 'score SDE, arXiv 2011.13456';

const sdeBeta = (text: string, fallback: number) =>
  z
    .number()
    .gt(0)
    .max(1000)
    .default(fallback)
    .meta(meta({ text, unit: 'variance per unit of time', source: scoreSde }));

const timeEnd = (text: string, fallback: number, source: string) =>
  z
    .number()
    .gt(0)
    .lt(1)
    .default(fallback)
    .meta(meta({ text, unit: 'time', source }));

const timeScale = () =>
  z
    .number()
    .gt(0)
    .max(1e6)
    .default(1)
    .meta(
      meta({
        text: 'What the time is multiplied with before the network gets it: 999 for networks of the score SDE program.',
        unit: 'factor',
        source: scoreSde,
      }),
    );

const continuousVp = z
  .strictObject({
    type: z.literal('vp').meta(scheduleType),
    beta_min: sdeBeta('Rate of noise at time 0.', 0.1),
    beta_max: sdeBeta('Rate of noise at time 1, where sampling starts.', 20),
    t_eps: timeEnd('Time at which sampling stops; 1 is the noisy end.', 1e-3, `${scoreSde} \`eps\``),
    time_scale: timeScale(),
  })
  .meta({ description: 'Continuous time from 0 to 1, rate of noise linear in it (VP SDE, arXiv 2011.13456).' });

const continuousCosine = z
  .strictObject({
    type: z.literal('vp_cosine').meta(scheduleType),
    t_eps: timeEnd('Time at which sampling stops.', 1e-3, 'DPM-Solver, arXiv 2206.00927'),
    t_max: timeEnd(
      'Time at which sampling starts: short of 1, where no signal is left.',
      0.9946,
      'DPM-Solver, arXiv 2206.00927',
    ),
    time_scale: timeScale(),
  })
  .meta({ description: 'Continuous time, signal a cosine of it (arXiv 2102.09672; continuous as in DPM-Solver).' });

/** `model.noise_schedule`: what the model was trained with, by diffusers' names where it has one. */
export const noiseSchedule = z
  .discriminatedUnion('type', [
    betaSchedule('linear', 'Betas in equal steps (DDPM, arXiv 2006.11239).'),
    betaSchedule('scaled_linear', 'Square roots of the betas in equal steps (Stable Diffusion).'),
    z
      .strictObject({
        type: z.literal('cosine').meta(scheduleType),
        num_train_timesteps: trainTimesteps(),
        rescale_betas_zero_snr: zeroTerminalSnr(),
      })
      .meta({ description: 'Squared cosine; betas capped at 0.999 (Improved DDPM, arXiv 2102.09672).' }),
    z
      .strictObject({
        type: z.literal('trained_betas').meta(scheduleType),
        betas: z
          .array(z.number().gt(0).lt(1))
          .min(2)
          .max(10_000)
          .meta(
            meta({
              text: 'Variance of every training step, first to last; their number is that of the discrete times the model was trained with.',
              unit: 'variance per training step',
              source: 'diffusers `trained_betas`',
              example: [0.0001, 0.02],
            }),
          ),
        rescale_betas_zero_snr: zeroTerminalSnr(),
      })
      .meta({ description: 'Betas one by one, for schedules that no formula here gives.' }),
    continuousVp,
    continuousCosine,
    z
      .strictObject({
        type: z.literal('edm').meta(scheduleType),
        sigma_min: z
          .number()
          .gt(0)
          .max(1e6)
          .default(0.002)
          .meta(
            meta({
              text: 'Noise level at which sampling stops.',
              unit: 'standard deviation',
              source: 'EDM, arXiv 2206.00364',
            }),
          ),
        sigma_max: z
          .number()
          .gt(0)
          .max(1e6)
          .default(80)
          .meta(
            meta({
              text: 'Noise level at which sampling starts.',
              unit: 'standard deviation',
              source: 'EDM, arXiv 2206.00364',
            }),
          ),
      })
      .meta({ description: 'The noise level itself is the time; the signal is never scaled (EDM, arXiv 2206.00364).' }),
    z
      .strictObject({
        type: z.literal('flow').meta(scheduleType),
        shift: z
          .number()
          .gt(0)
          .max(100)
          .default(1)
          .meta(
            meta({
              text: 'Moves times towards the noisy end; 1 leaves them, 3 is usual for SD3.',
              source: 'SD3, arXiv 2403.03206',
            }),
          ),
        num_train_timesteps: trainTimesteps(),
      })
      .meta({ description: 'Straight line between data and noise (rectified flow, arXiv 2209.03003).' }),
  ])
  .meta(
    meta({ text: 'How signal and noise are mixed at each time: exactly the schedule the model was trained with.' }),
  );
