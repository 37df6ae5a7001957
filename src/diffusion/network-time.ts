/**
 * What a network takes as its time, as a function of the time its schedule is written in. Users of a model have to know
 * which of these it was trained with: the wrong one runs and gives noise.
 *
 * | convention | schedule's time | network's time |
 * |---|---|---|
 * | index | timestep index i, real-valued between whole ones (DDPM, diffusers) | i |
 * | dpm_solver | (i + 1)/n (DPM-Solver, UniPC, LD3, GAS on discrete models) | (t − 1/n)·n |
 * | continuous | t of a continuous schedule | t |
 * | score_sde | t in (0, 1] of a continuous VP schedule | t·(n − 1) (score SDE's networks) |
 * | sigma | σ̂ of an EDM schedule | σ̂ (networks with EDM's preconditioning inside) |
 * | edm_c_noise | σ̂ of an EDM schedule | ln σ̂/4 (the network inside the preconditioning) |
 * | flow | s in [0, 1], 1 = noise | n·s (diffusers; some pipelines divide by n again: `continuous`) |
 * | sit | s in [0, 1], 1 = noise | 1 − s (SiT: 0 = noise, 1 = data) |
 */
export type TimeConvention =
  'index' | 'dpm_solver' | 'continuous' | 'score_sde' | 'sigma' | 'edm_c_noise' | 'flow' | 'sit';

/** A map from the schedule's time to the network's. */
export interface NetworkTime {
  readonly ofTime: (t: number) => number;
  /** The schedule's time at which the network gets `tau`. */
  readonly timeOf: (tau: number) => number;
  /** d(network's time)/d(schedule's time). */
  readonly derivative: (t: number) => number;
}

/**
 * The map of a convention.
 *
 * @param trainTimesteps n of the table. Default 1000
 */
export function networkTime(convention: TimeConvention, trainTimesteps = 1000): NetworkTime {
  const n = trainTimesteps;
  if (!(Number.isInteger(n) && n >= 2)) {
    throw new RangeError(`num_train_timesteps must be a whole number of at least 2, got ${n}.`);
  }
  switch (convention) {
    case 'index':
    case 'continuous':
    case 'sigma':
      return { ofTime: (t) => t, timeOf: (tau) => tau, derivative: () => 1 };
    case 'dpm_solver':
      return { ofTime: (t) => (t - 1 / n) * n, timeOf: (tau) => (tau + 1) / n, derivative: () => n };
    case 'score_sde':
      return { ofTime: (t) => t * (n - 1), timeOf: (tau) => tau / (n - 1), derivative: () => n - 1 };
    case 'edm_c_noise':
      return {
        ofTime: (sigma) => Math.log(positive(sigma)) / 4,
        timeOf: (tau) => Math.exp(4 * tau),
        derivative: (sigma) => 1 / (4 * positive(sigma)),
      };
    case 'flow':
      return { ofTime: (s) => n * s, timeOf: (tau) => tau / n, derivative: () => n };
    case 'sit':
      return { ofTime: (s) => 1 - s, timeOf: (tau) => 1 - tau, derivative: () => -1 };
  }
}

function positive(sigma: number): number {
  if (sigma > 0 && Number.isFinite(sigma)) return sigma;
  throw new RangeError(`A noise level must be above 0 to have a logarithm, got ${sigma}.`);
}
