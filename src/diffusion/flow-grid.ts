import type { DiffusersGrid } from './diffusers-grid';
import { shiftedLevel, shiftOfMu } from './flow-shift';
import { linspace } from './numpy-grid';
import { betaRamp, exponentialRamp, karrasRamp } from './sigma-ramps';

/**
 * Which of diffusers' flow grids. flow-match: FlowMatchEuler and FlowMatchHeun. multistep: DPM-Solver (multistep and
 * singlestep) and DEIS with `use_flow_sigmas`. unipc: UniPC with `use_flow_sigmas`.
 */
export type FlowFamily = 'flow-match' | 'multistep' | 'unipc';

export interface FlowGridOptions {
  readonly steps: number;
  /** s ← shift·s / (1 + (shift − 1)·s). Default 1. Not used together with `mu`. */
  readonly shift?: number;
  /** `num_train_timesteps`. Default 1000. */
  readonly trainTimesteps?: number;
  readonly family: FlowFamily;
  /** `use_karras_sigmas` and its like (flow-match alone): a ramp over the ends of the shifted levels. */
  readonly sigmas?: 'karras' | 'exponential' | 'beta';
  /** Stretches the levels so that the last one is this (flow-match and unipc). */
  readonly shiftTerminal?: number;
  /** Resolution-dependent shift (`use_dynamic_shifting`): exponential has shift = exp(mu), linear has shift = mu. */
  readonly mu?: number;
  readonly timeShift?: 'exponential' | 'linear';
  /** Noise level after the last step. `last` repeats the last level (UniPC's sigma_min, and always DEIS). Default 0. */
  readonly finalSigma?: number | 'last';
  /** Levels before the shift instead of the program's own (Flux and SD3 pipelines pass linspace(1, 1/steps, steps)). */
  readonly given?: readonly number[];
}

/**
 * The timesteps and noise levels s (x = (1 − s)x₀ + sε) of diffusers' schedulers for rectified flow, in float64.
 *
 * @throws RangeError for a shift that is not above 0 or a number of steps that is not whole
 */
export function flowGrid(options: FlowGridOptions): DiffusersGrid {
  const {
    steps,
    trainTimesteps: n = 1000,
    family,
    mu,
    timeShift = 'exponential',
    shiftTerminal,
    finalSigma = 0,
  } = options;
  if (!(Number.isInteger(steps) && steps >= 1)) {
    throw new RangeError(`A grid needs a whole number of steps, at least 1, got ${steps}.`);
  }
  const shift = mu === undefined ? (options.shift ?? 1) : shiftOfMu(mu, timeShift);
  if (!(shift > 0 && Number.isFinite(shift))) throw new RangeError(`The flow shift must be above 0, got ${shift}.`);
  const shifted = (s: number): number => shiftedLevel(s, shift);

  let levels = (options.given ?? unshiftedLevels(family, steps, n, mu === undefined ? shifted : (s) => s)).map(shifted);
  if (shiftTerminal !== undefined && family !== 'multistep') {
    if (levels.length < 2)
      throw new RangeError('A flow grid that is stretched to its last level needs at least 2 steps.');
    const scale = (1 - levels.at(-1)!) / (1 - shiftTerminal);
    levels = levels.map((s) => 1 - (1 - s) / scale);
  }
  if (family === 'flow-match' && options.sigmas !== undefined && levels.length > 1) {
    const [high, low] = [levels[0]!, levels.at(-1)!];
    const ramp = { karras: karrasRamp, exponential: exponentialRamp, beta: betaRamp }[options.sigmas];
    levels = ramp(levels.length, low, high);
  }
  // UniPC moves away from s = 1, where its λ would be infinite.
  if (family === 'unipc' && Math.abs(levels[0]! - 1) < 1e-6) levels[0]! -= 1e-6;
  const timesteps = levels.map((s) => (family === 'flow-match' ? s * n : Math.trunc(s * n)));
  return { timesteps, sigmas: [...levels, finalSigma === 'last' ? levels.at(-1)! : finalSigma] };
}

function unshiftedLevels(family: FlowFamily, steps: number, n: number, shifted: (s: number) => number): number[] {
  switch (family) {
    case 'flow-match':
      // The program's ends are those of its training grid after the (static) shift, and the shift is applied again.
      return linspace(shifted(1) * n, shifted(1 / n) * n, steps).map((t) => t / n);
    case 'multistep':
      return linspace(1, 1 / n, steps + 1)
        .map((alpha) => 1 - alpha)
        .reverse()
        .slice(0, -1);
    case 'unipc':
      return linspace(1, 1 / n, steps + 1).slice(0, -1);
  }
}
