import * as z from 'zod';
import { choice, count, meta } from './schema-key';
import { solverKeys, solverName, spacing, spacingDefault } from './schema-solver';

/** What is learned. */
export const student = z
  .strictObject({
    method: choice({
      table:
        'Every entry of the solver table is free: start weights, weights and times. Learns with the fewest evaluations.',
      s4s: 'Coefficients of the family only, on fixed times (arXiv 2502.17423).',
      's4s-alt': 'Coefficients and times in turns (arXiv 2502.17423).',
    })
      .default('table')
      .meta(meta({ text: 'What is learned.', source: 'S4S, arXiv 2502.17423; the free table is ours' })),
    family: choice({ lms: 'Linear multistep: one evaluation a step, a window of the last `order` network outputs.' })
      .default('lms')
      .meta(meta({ text: 'Shape of the solver that s4s and s4s-alt fill.', source: 'S4S, arXiv 2502.17423' })),
    order: count(1, 8)
      .optional()
      .meta(
        meta({
          text: 'Window of the lms family: how many network outputs a step combines.',
          example: 3,
          unit: 'outputs',
          defaultText: '3, never more than the fewest steps',
        }),
      ),
    corrector_order: count(1, 8)
      .optional()
      .meta(
        meta({
          text: 'Order of the corrector; only the pc family has one.',
          reserved: true,
          unit: 'order',
          defaultText: 'none',
        }),
      ),
    num_inference_steps: z
      .union([count(1, 64), z.array(count(1, 64)).min(1).max(64)])
      .default(5)
      .meta(
        meta({
          text: 'Network evaluations (NFE) of the learned solver. A list learns one solver for each entry.',
          unit: 'evaluations',
          source: 'diffusers',
        }),
      ),
    init: z
      .union([
        choice({ auto: 'The best classic solver on the validation noises.' }),
        z.strictObject({
          ...solverKeys,
          solver: solverName().meta(meta({ text: 'Classic solver that learning starts from.' })),
          timestep_spacing: spacing()
            .optional()
            .meta(meta({ text: 'Times that learning starts from.', defaultText: spacingDefault })),
        }),
      ])
      .default('auto')
      .meta(meta({ text: 'Where learning starts; the result is never worse than this.' })),
  })
  .prefault({})
  .meta(meta({ text: 'The few-step solver to learn.' }));
