import { convert, predictionMixture, type Mixture } from './conversions';
import { networkTime } from './network-time';
import type { NoiseLevel, NoiseSchedule } from './noise-schedule';
import type { Prediction, PredictionType } from './prediction';

/** D = cSkip·y + cOut·F(cIn·y, tNet), and the derivatives of the four numbers with respect to the schedule's time. */
export interface NetworkCoefficients {
  readonly cIn: number;
  readonly cSkip: number;
  readonly cOut: number;
  readonly tNet: number;
  readonly dCIn: number;
  readonly dCSkip: number;
  readonly dCOut: number;
  readonly dTNet: number;
}

/** σ_data of EDM's preconditioning (Karras et al. 2022, Table 1). */
const sigmaData = 0.5;

const cNoise = networkTime('edm_c_noise');

/**
 * How the raw network F becomes the normalised denoiser D at time t, for states in the schedule's own space.
 *
 * The network takes the state unscaled and the schedule's time, except for `edm`: F is the inside of EDM's
 * preconditioning and takes y/√(σ² + σ_data²) and ln(σ)/4. A network exported with that preconditioning inside is
 * `sample` prediction, and its time is σ.
 *
 * @throws RangeError when the prediction type does not belong to the schedule
 */
export function networkCoefficients(
  schedule: NoiseSchedule,
  predictionType: PredictionType,
  target: Prediction,
  t: number,
): NetworkCoefficients {
  const level = schedule.at(t);
  const network = networkMixture(schedule, predictionType, level);
  const { skip, out, dSkip, dOut } = convert(level, network, predictionMixture(target, schedule.space, level));
  const shell = { cSkip: skip, cOut: out, dCSkip: dSkip, dCOut: dOut };
  if (predictionType !== 'edm') return { ...shell, cIn: 1, tNet: t, dCIn: 0, dTNet: 1 };
  const { sigma, dSigma } = level;
  const variance = sigma * sigma + sigmaData * sigmaData;
  return {
    ...shell,
    cIn: 1 / Math.sqrt(variance),
    tNet: cNoise.ofTime(sigma),
    dCIn: (-sigma * dSigma) / (variance * Math.sqrt(variance)),
    dTNet: dSigma * cNoise.derivative(sigma),
  };
}

/** What the raw output F consists of. */
function networkMixture(schedule: NoiseSchedule, type: PredictionType, level: NoiseLevel): Mixture {
  const { space } = schedule;
  switch (type) {
    case 'epsilon':
      return predictionMixture('noise', space, level);
    case 'sample':
      return predictionMixture('data', space, level);
    case 'v_prediction':
      if (space === 'vp') return predictionMixture('velocity', space, level);
      throw new RangeError(
        'v_prediction needs a variance-preserving noise schedule (linear, scaled_linear, cosine, trained_betas, vp or vp_cosine).',
      );
    case 'flow_prediction':
      if (space === 'flow') return predictionMixture('velocity', space, level);
      throw new RangeError('flow_prediction needs a noise schedule of type flow.');
    case 'edm':
      if (space === 've') return preconditionedMixture(level);
      throw new RangeError('Prediction type edm needs a noise schedule of type edm.');
  }
}

/** F = (x₀ − c_skip·y)/c_out of EDM's Table 1, written out over x₀ and ε: (σ/σ_d·x₀ − σ_d·ε)/√(σ² + σ_d²). */
function preconditionedMixture({ sigma, dSigma }: NoiseLevel): Mixture {
  const variance = sigma * sigma + sigmaData * sigmaData;
  const root = Math.sqrt(variance);
  return {
    data: sigma / (sigmaData * root),
    noise: -sigmaData / root,
    dData: (dSigma * sigmaData) / (variance * root),
    dNoise: (sigmaData * sigma * dSigma) / (variance * root),
  };
}
