import { discreteVp, discreteVpLogAlpha, linearBetas, scaledLinearBetas } from '../../diffusion/discrete-vp';
import { edm } from '../../diffusion/edm';
import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import type { Prediction, StateSpace } from '../../diffusion/prediction';
import { vpLinear } from '../../diffusion/vp-linear';
import type { ReferenceCase, ScheduleName } from '../case';

/** The 1000 betas of a discrete schedule of the references. */
export function betasOf(schedule: ScheduleName): Float64Array {
  if (schedule === 'ddpm_linear') return linearBetas(1e-4, 0.02, 1000);
  if (schedule === 'ddpm_scaled_linear') return scaledLinearBetas(0.00085, 0.012, 1000);
  throw new RangeError(`The schedule ${schedule} has no betas.`);
}

/**
 * A schedule of the references.
 *
 * @param interpolation what a discrete schedule interpolates between its indices: log(σ/α) as diffusers and k-diffusion
 *   do, or log α as the DPM-Solver and UniPC programs do
 */
export function scheduleOf(schedule: ScheduleName, interpolation: 'log-sigma' | 'log-alpha'): NoiseSchedule {
  switch (schedule) {
    case 'vp_linear':
      return vpLinear();
    case 'ddpm_linear':
    case 'ddpm_scaled_linear':
      return (interpolation === 'log-sigma' ? discreteVp : discreteVpLogAlpha)(betasOf(schedule));
    case 'edm':
      return edm(0.002, 80);
    default:
      throw new RangeError(`The schedule ${schedule} belongs to one program and has no general form.`);
  }
}

/** What the table's D is. */
export function predictionOf(pred: ReferenceCase['pred']): Prediction {
  if (pred === 'x0') return 'data';
  return pred === 'eps' ? 'noise' : 'velocity';
}

/** The space of a case's states. */
export function spaceOf(space: ReferenceCase['space']): StateSpace {
  return space === 'rf' ? 'flow' : space;
}

/** What the network of a case returns, by the name diffusers has for it. */
export const predOfType = {
  epsilon: 'eps',
  sample: 'x0',
  v_prediction: 'v',
  flow_prediction: 'flow',
} as const satisfies Record<string, ReferenceCase['pred']>;
