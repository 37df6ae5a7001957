import { arange, interpIndex, linspace, roundHalfEven } from './numpy-grid';
import { betaRamp, exponentialRamp, karrasRamp, luRamp } from './sigma-ramps';

/**
 * Which of diffusers' ways to place timesteps. ddim: DDIM and PNDM, whole timesteps. euler: Euler, Heun, LMS and KDPM2,
 * real-valued timesteps. multistep: DPM-Solver (multistep and singlestep), UniPC and DEIS, whole timesteps, the last of
 * n + 1 dropped.
 */
export type DiffusersFamily = 'ddim' | 'euler' | 'multistep';
export type TimestepSpacing = 'leading' | 'linspace' | 'trailing';
export type SigmaRamp = 'karras' | 'exponential' | 'beta' | 'lu';

export interface DiffusersGridOptions {
  readonly steps: number;
  /** β_i of every training timestep. A last β of 1 (zero terminal SNR) becomes ᾱ = 2⁻²⁴, as in these programs. */
  readonly betas: ArrayLike<number>;
  readonly family: DiffusersFamily;
  readonly spacing: TimestepSpacing;
  /** `steps_offset`, used by `leading` alone. Default 0. */
  readonly stepsOffset?: number;
  /** `use_karras_sigmas` and its like: replaces the noise levels, and then the timesteps follow from those. */
  readonly sigmas?: SigmaRamp;
  /**
   * Noise level after the last step. sigma_min is the lowest of training; last repeats the last of a ramp, and without
   * one is sigma_min: so UniPC and, always, DEIS have it. Heun, LMS and KDPM2 always have zero. Default zero.
   */
  readonly finalSigmas?: 'zero' | 'sigma_min' | 'last';
  /**
   * Whether timesteps of a karras or lu ramp are rounded. By default they are in `multistep` and not in `euler`; KDPM2
   * rounds too (karras only), and DPMSolverMultistep does not round for betas by `squaredcos_cap_v2` (it truncates).
   */
  readonly roundRamp?: boolean;
  /** Shapes of the beta ramp. Default 0.6 and 0.6. */
  readonly betaShapes?: readonly [alpha: number, beta: number];
  /** `lambda_min_clipped` of the DPM-Solver schedulers: drops the timesteps with λ below it. Default −∞. */
  readonly lambdaMinClipped?: number;
  /** EulerDiscrete's `interpolation_type`: log_linear has n + 1 noise levels even in log σ before the last. */
  readonly interpolation?: 'linear' | 'log_linear';
}

export interface DiffusersGrid {
  /** What the network is handed at each of the steps. */
  readonly timesteps: number[];
  /** σ̂ = σ/α: one for each timestep, and in the families euler and multistep the one after the last step. */
  readonly sigmas: number[];
}

/**
 * The timesteps and noise levels of diffusers' schedulers for a discrete variance-preserving model (`set_timesteps`),
 * in float64 and with each program's rounding.
 *
 * @throws RangeError for a number of steps that is not whole or above the number of training timesteps
 */
export function diffusersGrid(options: DiffusersGridOptions): DiffusersGrid {
  const { steps, betas, family, sigmas: ramp, finalSigmas = 'zero', betaShapes = [0.6, 0.6] } = options;
  const training = trainingSigmas(betas);
  const logSigmas = training.map((sigma) => Math.log(sigma));
  const spaced = spacedTimesteps(options, training);
  const spacedSigmas = spaced.map((t) => interpIndex(t, training));
  if (family === 'ddim') return { timesteps: spaced, sigmas: spacedSigmas };

  const last = finalSigmas === 'zero' ? 0 : training[0]!;
  if (ramp === undefined) {
    if (options.interpolation !== 'log_linear') return { timesteps: spaced, sigmas: [...spacedSigmas, last] };
    const levels = linspace(logSigmas.at(-1)!, logSigmas[0]!, steps + 1).map((log) => Math.exp(log));
    return { timesteps: spaced, sigmas: [...levels, last] };
  }
  // The euler family spans a ramp over the levels it would have without one, the multistep family over all of training.
  const overSpaced = family === 'euler' && options.interpolation !== 'log_linear';
  const span = overSpaced ? spacedSigmas : [training.at(-1)!, training[0]!];
  const [high, low] = [span[0]!, span.at(-1)!];
  const levels = rampLevels(ramp, steps, low, high, betaShapes);
  const times = levels.map((sigma) => timestepOfSigma(sigma, logSigmas));
  const rounds = options.roundRamp ?? family === 'multistep';
  const timesteps = times.map((t) => {
    if (rounds && (ramp === 'karras' || ramp === 'lu')) return roundHalfEven(t);
    // The multistep schedulers end with a conversion to whole numbers, which cuts off what was not rounded before.
    return family === 'multistep' ? Math.trunc(t) : t;
  });
  return { timesteps, sigmas: [...levels, finalSigmas === 'last' ? levels.at(-1)! : last] };
}

/** σ̂_i = sqrt((1 − ᾱ_i)/ᾱ_i) of every training timestep, by running products as in the programs. */
export function trainingSigmas(betas: ArrayLike<number>): number[] {
  let alphaBar = 1;
  return Array.from(betas, (beta) => {
    alphaBar *= 1 - beta;
    // Zero terminal SNR: the programs put the smallest half-precision number there, so that no σ̂ is infinite.
    const bar = alphaBar === 0 ? 2 ** -24 : alphaBar;
    return Math.sqrt((1 - bar) / bar);
  });
}

/**
 * The real-valued timestep of a noise level, log σ̂ being linear between training timesteps; levels outside the range
 * get its first or last timestep.
 *
 * @param logSigmas log σ̂_i, rising
 */
export function timestepOfSigma(sigma: number, logSigmas: readonly number[]): number {
  const log = Math.log(Math.max(sigma, 1e-10));
  // The last level that is not above: with zero terminal SNR the levels do not rise to the very end.
  const below = logSigmas.findLastIndex((level) => level <= log);
  const low = Math.min(Math.max(below, 0), logSigmas.length - 2);
  const weight = Math.min(Math.max((logSigmas[low]! - log) / (logSigmas[low]! - logSigmas[low + 1]!), 0), 1);
  return (1 - weight) * low + weight * (low + 1);
}

/** The levels of a ramp. A single step has the highest one, whatever the ramp. */
function rampLevels(
  ramp: SigmaRamp,
  n: number,
  low: number,
  high: number,
  [alpha, beta]: readonly [number, number],
): number[] {
  if (n === 1) return [high];
  switch (ramp) {
    case 'karras':
      return karrasRamp(n, low, high);
    case 'exponential':
      return exponentialRamp(n, low, high);
    case 'beta':
      return betaRamp(n, low, high, alpha, beta);
    case 'lu':
      return luRamp(n, low, high);
  }
}

function spacedTimesteps(options: DiffusersGridOptions, training: readonly number[]): number[] {
  const { lambdaMinClipped = -Infinity, betas } = options;
  // λ = −log σ̂ falls with the timestep: those below the bound are the last ones.
  const kept = training.filter((sigma) => -Math.log(sigma) >= lambdaMinClipped).length;
  return diffusersTimesteps({ ...options, trainTimesteps: betas.length, kept });
}

export interface DiffusersTimestepOptions extends Pick<
  DiffusersGridOptions,
  'steps' | 'family' | 'spacing' | 'stepsOffset'
> {
  readonly trainTimesteps: number;
  /** How many of them, from the first on, may be used. Default all. */
  readonly kept?: number;
}

/** The timesteps alone, before any ramp: as many as steps, falling. */
export function diffusersTimesteps(options: DiffusersTimestepOptions): number[] {
  const { steps, family, spacing, stepsOffset = 0, trainTimesteps, kept = trainTimesteps } = options;
  checkSteps(steps, trainTimesteps);
  const multistep = family === 'multistep';
  switch (spacing) {
    case 'linspace': {
      const points = linspace(0, kept - 1, multistep ? steps + 1 : steps).reverse();
      const timesteps = multistep ? points.slice(0, -1) : points;
      return family === 'euler' ? timesteps : timesteps.map(roundHalfEven);
    }
    case 'leading': {
      const stride = Math.floor(kept / (multistep ? steps + 1 : steps));
      return Array.from({ length: steps }, (_, i) => (steps - 1 - i + (multistep ? 1 : 0)) * stride + stepsOffset);
    }
    case 'trailing':
      return arange(kept, 0, -trainTimesteps / steps).map((t) => roundHalfEven(t) - 1);
  }
}

function checkSteps(steps: number, trainTimesteps: number): void {
  if (!(Number.isInteger(steps) && steps >= 1 && steps <= trainTimesteps)) {
    throw new RangeError(
      `A grid needs a whole number of steps between 1 and the ${trainTimesteps} training timesteps, got ${steps}.`,
    );
  }
}
