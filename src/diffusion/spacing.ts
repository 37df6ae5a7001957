import { interpolate, type NoiseSchedule } from './noise-schedule';

/** Ways to place the grid points of a sampler, by the names of solver.yaml. */
export type SpacingName = 'uniform' | 'quadratic' | 'logsnr' | 'karras';

/** Every spacing, in the order lists show them. */
export const spacingNames: readonly SpacingName[] = ['uniform', 'quadratic', 'logsnr', 'karras'];

/**
 * The n + 1 falling times of an n-step sampler, from tMax to tMin, both exact.
 *
 * uniform: even in time (on a flow schedule, in time before its shift). quadratic: the square of an even grid in √t,
 * as DPM-Solver and UniPC have it. logsnr: even in λ. karras: even in (σ/α)^{1/ρ}.
 *
 * @param rho of karras; 7 in Karras et al. 2022, Eq. 5
 * @throws RangeError when n is not a whole number of at least 1, or when a spacing needs the λ of a start that holds no
 *   signal (zero terminal SNR)
 */
export function spacing(schedule: NoiseSchedule, name: SpacingName, n: number, rho = 7): Float64Array {
  if (!(Number.isInteger(n) && n >= 1)) throw new RangeError(`A grid needs a whole number of steps, got ${n}.`);
  const timeAt = gridFunction(schedule, name, rho);
  return Float64Array.from({ length: n + 1 }, (_, i) => {
    if (i === 0) return schedule.tMax;
    return i === n ? schedule.tMin : timeAt(i / n);
  });
}

function gridFunction(schedule: NoiseSchedule, name: SpacingName, rho: number): (fraction: number) => number {
  const { tMin, tMax } = schedule;
  switch (name) {
    case 'uniform':
      return (fraction) => schedule.gridTime(fraction);
    case 'quadratic':
      return (fraction) => {
        const t = interpolate(Math.sqrt(tMax), Math.sqrt(tMin), fraction) ** 2;
        return schedule.gridTime((tMax - t) / (tMax - tMin));
      };
    case 'logsnr': {
      const [from, to] = [startLambda(schedule, name), schedule.lambda(tMin)];
      return (fraction) => schedule.timeOfLambda(interpolate(from, to, fraction));
    }
    case 'karras': {
      // (σ/α)^{1/ρ} = e^{−λ/ρ}
      const root = (lambda: number): number => Math.exp(-lambda / rho);
      const [from, to] = [root(startLambda(schedule, name)), root(schedule.lambda(tMin))];
      return (fraction) => schedule.timeOfLambda(-rho * Math.log(interpolate(from, to, fraction)));
    }
  }
}

function startLambda(schedule: NoiseSchedule, name: SpacingName): number {
  const lambda = schedule.lambda(schedule.tMax);
  if (Number.isFinite(lambda)) return lambda;
  throw new RangeError(
    `The spacing ${name} needs some signal at the start of the noise schedule, and this one has none (zero terminal SNR); ` +
      'choose uniform or quadratic.',
  );
}
