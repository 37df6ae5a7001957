import { aysSigmas, interpolateLevels } from './ays';
import { betaQuantile } from './beta-quantile';
import { diffusersTimesteps } from './diffusers-grid';
import { shiftedLevel } from './flow-shift';
import type { NoiseSchedule } from './noise-schedule';
import { spacing, spacingNames, type SpacingName } from './spacing';

/** Every way to place the points of a grid by name: the spacings of solver.yaml and those of other programs. */
export const gridNames = [
  ...spacingNames,
  'exponential',
  'beta',
  'beta_sigma',
  'cosine',
  'leading',
  'linspace',
  'trailing',
  'ays_sd15',
  'ays_sdxl',
  'ays_deepfloyd',
  'ays_svd',
] as const satisfies readonly string[];
export type GridName = SpacingName | Exclude<(typeof gridNames)[number], SpacingName>;

export interface GridOptions {
  /** ρ of karras. Default 7. */
  readonly rho?: number;
  /** Shapes of the beta distribution. Default 0.6 and 0.6 (Lee et al. 2024). */
  readonly betaShapes?: readonly [alpha: number, beta: number];
  /** `steps_offset` of leading. Default 0. */
  readonly stepsOffset?: number;
  /** A further shift of a flow schedule's grid, ends included, on top of the schedule's own. Default 1. */
  readonly flowShift?: number;
}

/**
 * The n + 1 falling times of an n-step sampler on a schedule.
 *
 * exponential: even in log(σ/α), which is logsnr under k-diffusion's name. karras: even in (σ/α)^{1/ρ}. beta: quantiles
 * of the beta distribution in time ("Beta Sampling is All You Need"); beta_sigma: the same in σ/α, as diffusers has it.
 * cosine: even in the angle φ with α : σ = cos φ : sin φ, the grid of a cosine schedule, which also is the KL-optimal one
 * of "Align Your Steps". leading, linspace, trailing: diffusers' whole timesteps (of its multistep programs), then the
 * schedule's end. ays_…: a published list at the schedule's own noise levels.
 *
 * @throws RangeError when n is no whole number or the schedule has not what the grid needs
 */
export function gridTimes(
  schedule: NoiseSchedule,
  name: GridName,
  n: number,
  { rho = 7, betaShapes = [0.6, 0.6], stepsOffset = 0, flowShift = 1 }: GridOptions = {},
): Float64Array {
  if (!(Number.isInteger(n) && n >= 1)) throw new RangeError(`A grid needs a whole number of steps, got ${n}.`);
  return flowShift === 1 ? times() : shifted(schedule, times(), flowShift);

  function times(): Float64Array {
    const { tMin, tMax } = schedule;
    switch (name) {
      case 'uniform':
      case 'quadratic':
      case 'logsnr':
        return spacing(schedule, name, n);
      case 'exponential':
        return spacing(schedule, 'logsnr', n);
      case 'karras':
        return spacing(schedule, name, n, rho);
      case 'beta':
        return between(schedule, n, (fraction) => schedule.gridTime(1 - betaQuantile(1 - fraction, ...betaShapes)));
      case 'beta_sigma': {
        const [high, low] = [finite(schedule, name), Math.exp(-schedule.lambda(tMin))];
        return between(schedule, n, (fraction) =>
          schedule.timeOfLambda(-Math.log(low + betaQuantile(1 - fraction, ...betaShapes) * (high - low))),
        );
      }
      case 'cosine':
        return evenIn(
          schedule,
          n,
          (lambda) => Math.atan(Math.exp(-lambda)),
          (angle) => -Math.log(Math.tan(angle)),
        );
      case 'leading':
      case 'linspace':
      case 'trailing': {
        if (!(tMin === 0 && Number.isInteger(tMax))) {
          throw new RangeError(
            `The grid ${name} needs a noise schedule of whole timesteps; choose uniform for this one.`,
          );
        }
        const trainTimesteps = tMax + 1;
        const family = 'multistep';
        const timesteps = diffusersTimesteps({ steps: n, spacing: name, family, stepsOffset, trainTimesteps });
        return Float64Array.from([...timesteps, tMin]);
      }
      case 'ays_sd15':
      case 'ays_sdxl':
      case 'ays_deepfloyd':
      case 'ays_svd': {
        const levels = interpolateLevels(aysSigmas[name.slice('ays_'.length) as keyof typeof aysSigmas], n);
        return between(schedule, n, (fraction) => {
          const sigma = levels[Math.round(fraction * n)]!;
          const time = schedule.timeOfLambda(-Math.log(sigma));
          if (time > tMin && time < tMax) return time;
          throw new RangeError(
            `The list ${name} has the noise level ${sigma}, which this noise schedule does not reach.`,
          );
        });
      }
    }
  }
}

/** Times from tMax to tMin, both exact, with those between by their fraction of the way. */
function between(schedule: NoiseSchedule, n: number, timeAt: (fraction: number) => number): Float64Array {
  return Float64Array.from({ length: n + 1 }, (_, i) => {
    if (i === 0) return schedule.tMax;
    return i === n ? schedule.tMin : timeAt(i / n);
  });
}

/** Times that are even in a function of λ. */
function evenIn(
  schedule: NoiseSchedule,
  n: number,
  of: (lambda: number) => number,
  lambdaOf: (value: number) => number,
): Float64Array {
  const [from, to] = [of(schedule.lambda(schedule.tMax)), of(schedule.lambda(schedule.tMin))];
  return between(schedule, n, (fraction) => schedule.timeOfLambda(lambdaOf(from + (to - from) * fraction)));
}

/** σ/α at the start, where there is one. */
function finite(schedule: NoiseSchedule, name: GridName): number {
  const sigma = Math.exp(-schedule.lambda(schedule.tMax));
  if (Number.isFinite(sigma)) return sigma;
  throw new RangeError(`The grid ${name} needs some signal at the start of the noise schedule, and this one has none.`);
}

function shifted(schedule: NoiseSchedule, times: Float64Array, shift: number): Float64Array {
  if (schedule.space !== 'flow') throw new RangeError('A flow shift needs a noise schedule of type flow.');
  if (!(shift > 0 && Number.isFinite(shift))) throw new RangeError(`The flow shift must be above 0, got ${shift}.`);
  // σ = s, so the network's time of s is a multiple of it.
  const scale = schedule.tMax / schedule.at(schedule.tMax).sigma;
  return times.map((t) => scale * shiftedLevel(t / scale, shift));
}
