import * as z from 'zod';
import { choice, count, meta } from './schema-key';
import { solverKeys, solverName, spacing, spacingDefault } from './schema-solver';

/** What is learned. */
export const student = z
  .strictObject({
    method: choice({
      table:
        'Every entry of the solver table is free: start weights, weights and times. Learns with the fewest evaluations.',
      s4s: 'Coefficients of a family and the times the network is asked at, on a fixed grid (arXiv 2502.17423).',
      's4s-alt': 'Coefficients and times in turns, the grid included (arXiv 2502.17423).',
      ld3: 'Times alone: the grid of the solver it starts from, and the times the network is asked at (arXiv 2405.15506).',
      gs: 'Corrections to every coefficient of DPM-Solver++ 3M, with its times (generalized solver of GAS, ICLR 2026).',
      bns: 'Every weight on the velocity, and the times (bespoke non-stationary solvers, arXiv 2403.01329).',
      dyweight: 'Weights of the last `order` slopes, which need not add up to 1, and time scales (arXiv 2603.11607).',
      dode: 'One number a row: how far DDIM or Heun goes along the last difference of outputs (arXiv 2309.16421).',
      neural_solver: 'Lengths of the steps, and how each step mixes all outputs so far (arXiv 2505.21114).',
      amed: 'Where each step of two evaluations asks in the middle, and how far it goes (arXiv 2312.00094), the same for all samples.',
    })
      .default('table')
      .meta(
        meta({ text: 'What is learned; docs/methods.md compares them.', source: 'the papers; the free table is ours' }),
      ),
    family: choice({
      lms: 'Linear multistep: one evaluation a step, which combines the last `order` outputs.',
      pc: 'Predictor-corrector: lms, and a corrector that uses the output at the predicted point; no more evaluations.',
      ss: 'Single steps: each makes `order` evaluations (fewer in the last) and uses no others.',
    })
      .default('lms')
      .meta(meta({ text: 'Shape of the solver that s4s and s4s-alt fill.', source: 'S4S, arXiv 2502.17423' })),
    order: count(1, 8)
      .optional()
      .meta(
        meta({
          text: 'For s4s and s4s-alt, 1 to 4: outputs that a step combines (lms; pc: its predictor, and one more in its corrector), or evaluations a step makes (ss). For dyweight: slopes that a step combines. Other methods have none.',
          example: 3,
          defaultText: '3, never more than the fewest steps',
        }),
      ),
    consistent_rows: z
      .boolean()
      .default(false)
      .meta(
        meta({
          text: 'With method table: what a network that always answers the same leads to stays exact. Fewer numbers, so fewer noises teach them.',
        }),
      ),
    monotone_times: z
      .boolean()
      .default(false)
      .meta(
        meta({ text: 'With method table: the times the network is asked at may meet but not overtake each other.' }),
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
        choice({
          auto: "The best on the validation noises: a classic solver that the method takes or, for table, rows fitted to the teacher's path.",
        }),
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
