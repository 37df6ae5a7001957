import type { NoiseLevel } from './noise-schedule';
import type { Prediction, StateSpace } from './prediction';

/**
 * A quantity as a mixture `data`·x₀ + `noise`·ε of clean data and noise, with the time derivatives of the two
 * coefficients. State, network output and solver quantity are all of this form, so every conversion between
 * predictions is one 2×2 system.
 */
export interface Mixture {
  readonly data: number;
  readonly noise: number;
  readonly dData: number;
  readonly dNoise: number;
}

/** c.skip·(state) + c.out·(known quantity) = wanted quantity, with time derivatives. */
export interface Conversion {
  readonly skip: number;
  readonly out: number;
  readonly dSkip: number;
  readonly dOut: number;
}

/**
 * What a prediction means at a noise level: data x₀, noise ε, velocity αε − σx₀ in vp and ε − x₀ in flow.
 * Throws for velocity in ve, where the field has no common definition.
 */
export function predictionMixture(prediction: Prediction, space: StateSpace, level: NoiseLevel): Mixture {
  switch (prediction) {
    case 'data':
      return { data: 1, noise: 0, dData: 0, dNoise: 0 };
    case 'noise':
      return { data: 0, noise: 1, dData: 0, dNoise: 0 };
    case 'velocity':
      if (space === 'vp') {
        return { data: -level.sigma, noise: level.alpha, dData: -level.dSigma, dNoise: level.dAlpha };
      }
      if (space === 'flow') return { data: -1, noise: 1, dData: 0, dNoise: 0 };
      throw new RangeError('Velocity is not defined for an EDM schedule; use data or noise prediction.');
  }
}

/**
 * Coefficients that turn (state, known) into wanted. Exact where nothing has to be done: known = wanted gives
 * skip = 0 and out = 1. Singular where known says nothing beyond the state (noise at α = 0, data at σ = 0).
 */
export function convert(level: NoiseLevel, known: Mixture, wanted: Mixture): Conversion {
  const { alpha, sigma, dAlpha, dSigma } = level;
  const det = alpha * known.noise - sigma * known.data;
  const dDet = dAlpha * known.noise + alpha * known.dNoise - dSigma * known.data - sigma * known.dData;
  const skip = (wanted.data * known.noise - wanted.noise * known.data) / det;
  const out = (alpha * wanted.noise - sigma * wanted.data) / det;
  const dSkipTimesDet =
    wanted.dData * known.noise +
    wanted.data * known.dNoise -
    wanted.dNoise * known.data -
    wanted.noise * known.dData -
    skip * dDet;
  const dOutTimesDet =
    dAlpha * wanted.noise + alpha * wanted.dNoise - dSigma * wanted.data - sigma * wanted.dData - out * dDet;
  return { skip, out, dSkip: dSkipTimesDet / det, dOut: dOutTimesDet / det };
}
