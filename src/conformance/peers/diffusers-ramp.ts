import * as z from 'zod';
import type { SigmaRamp } from '../../diffusion/diffusers-grid';

/** The switches that replace a scheduler's noise levels; at most one of them may be on. */
export const rampSettings = {
  use_karras_sigmas: z.boolean().default(false),
  use_exponential_sigmas: z.boolean().default(false),
  use_beta_sigmas: z.boolean().default(false),
};

/** The chosen ramp as an option of `diffusersGrid`. */
export function rampOf(settings: {
  readonly use_karras_sigmas: boolean;
  readonly use_exponential_sigmas: boolean;
  readonly use_beta_sigmas: boolean;
}): { sigmas?: SigmaRamp } {
  if (settings.use_karras_sigmas) return { sigmas: 'karras' };
  if (settings.use_exponential_sigmas) return { sigmas: 'exponential' };
  return settings.use_beta_sigmas ? { sigmas: 'beta' } : {};
}
