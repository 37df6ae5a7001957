import { choice, count, meta } from './schema-key';

/** A classic solver. */
export const solverName = () =>
  choice({
    ddim: 'First order; one evaluation a step (arXiv 2010.02502).',
    dpmpp: 'DPM-Solver++ multistep on the data prediction (arXiv 2211.01095).',
    dpmpp_singlestep: 'DPM-Solver++ singlestep: steps of as many evaluations as the order (arXiv 2211.01095).',
    dpm: 'DPM-Solver multistep on the noise prediction (arXiv 2206.00927).',
    dpm_singlestep: 'DPM-Solver singlestep on the noise prediction (arXiv 2206.00927).',
    deis: 'DEIS: polynomials of the noise prediction in time, integrated exactly (arXiv 2204.13902).',
    lms: 'Linear multistep on the noise prediction with the weights of uneven steps (k-diffusion).',
    ipndm: 'Linear multistep on the noise prediction with a lower-order start (arXiv 2204.13902).',
    unipc: 'UniPC predictor with its corrector, no extra evaluations (arXiv 2302.04867).',
    heun: 'Second-order Runge-Kutta, as in EDM (arXiv 2206.00364).',
  });

export const spacing = () =>
  choice({
    uniform: 'Equal steps in time.',
    quadratic: 'Equal steps in the square root of time: denser near the clean end.',
    logsnr: 'Equal steps in half the log signal-to-noise ratio (arXiv 2206.00927).',
    karras: 'Equal steps in the seventh root of sigma (arXiv 2206.00364).',
  });

export const spacingDefault = 'logsnr; uniform with rescale_betas_zero_snr';

const orderText = 'How many network outputs a step combines. ddim is always 1 and heun always 2.';

/** A classic solver with its order and grid. */
export const solverKeys = {
  solver: solverName(),
  order: count(1, 4)
    .optional()
    .meta(
      meta({
        text: orderText,
        example: 3,
        unit: 'order',
        defaultText: '3; 1 for ddim, 2 for heun, never more than the steps',
      }),
    ),
  timestep_spacing: spacing(),
};
