import * as z from 'zod';
import { choice, count, meta } from './schema-key';

/** How long and on how much. */
export const training = z
  .strictObject({
    samples: count(1, 100_000)
      .default(64)
      .meta(meta({ text: 'Start noises learned from.', unit: 'noises' })),
    validation_samples: count(8, 100_000)
      .default(64)
      .meta(meta({ text: 'Noises that choose the best table; never trained on.', unit: 'noises' })),
    batch_size: z
      .union([choice({ auto: 'As many as fit well on the device.' }), count(1, 4096)])
      .default('auto')
      .meta(meta({ text: 'Samples that go through the network at once.', unit: 'samples' })),
    optimizer: choice({
      gauss_newton: 'Damped Gauss-Newton on directional derivatives: few iterations, forward runs only.',
      adam: 'Adam on the gradient graph, as in the S4S paper (arXiv 1412.6980).',
    })
      .optional()
      .meta(
        meta({
          text: 'How the table is improved.',
          defaultText: 'gauss_newton, or adam for distance lpips',
        }),
      ),
    learning_rate: z
      .number()
      .gt(0)
      .max(10)
      .default(0.01)
      .meta(meta({ text: 'Step size of adam; gauss_newton does not use it.' })),
    learning_rate_schedule: choice({
      cosine: 'Falls to 0 as half a cosine at the last iteration.',
      constant: 'Stays.',
    })
      .default('cosine')
      .meta(meta({ text: 'How the learning rate of adam goes on after the warm-up.' })),
    warmup: z
      .number()
      .min(0)
      .max(0.9)
      .default(0)
      .meta(
        meta({
          text: 'Share of the iterations over which the learning rate of adam rises from 0.',
          unit: 'share of the iterations',
        }),
      ),
    ema: z
      .number()
      .min(0)
      .lt(1)
      .default(0.999)
      .meta(
        meta({
          text: 'Decay of the running average of what adam learns; the average is validated and kept. 0: no average.',
          source: 'GS, arXiv 2510.17699',
        }),
      ),
    iterations: count(1, 1_000_000)
      .optional()
      .meta(
        meta({
          text: 'Most iterations for one solver.',
          unit: 'iterations',
          defaultText: '12 for gauss_newton (24 for s4s-alt and ld3, which learn in turns), 300 for adam',
        }),
      ),
    seed: count(0, 4_294_967_295)
      .default(0)
      .meta(meta({ text: 'Seed of every random number; the same seed on cpu gives the same solver.' })),
    seeds: count(1, 100)
      .default(1)
      .meta(
        meta({
          text: 'How often each solver is learned, every time from other training noises. The best on the validation noises is kept; the report says how far the others are.',
          unit: 'learnings',
        }),
      ),
    budget: z
      .strictObject({
        minutes: z
          .number()
          .gt(0)
          .max(100_000)
          .default(10)
          .meta(meta({ text: 'Time for learning all solvers of the run; the best so far is kept.', unit: 'minutes' })),
        evaluations: count(1, Number.MAX_SAFE_INTEGER)
          .nullable()
          .default(null)
          .meta(
            meta({
              text: 'Most network evaluations for one learning of a solver, counted per sample and looked at after every iteration.',
              unit: 'evaluations',
              defaultText: 'no limit',
            }),
          ),
      })
      .prefault({})
      .meta(meta({ text: 'Where learning stops at the latest.' })),
  })
  .prefault({})
  .meta(meta({ text: 'How long and on how much the solver is learned.' }));
