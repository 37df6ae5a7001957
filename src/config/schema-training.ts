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
          defaultText: 'gauss_newton for method table, adam otherwise',
        }),
      ),
    learning_rate: z
      .number()
      .gt(0)
      .max(10)
      .default(0.01)
      .meta(meta({ text: 'Step size of adam; gauss_newton does not use it.' })),
    iterations: count(1, 1_000_000)
      .optional()
      .meta(
        meta({
          text: 'Most iterations for one solver.',
          unit: 'iterations',
          defaultText: '12 for gauss_newton, 300 for adam',
        }),
      ),
    seed: count(0, 4_294_967_295)
      .default(0)
      .meta(meta({ text: 'Seed of every random number; the same seed on cpu gives the same solver.' })),
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
              text: 'Most network evaluations for one solver, counted per sample.',
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
