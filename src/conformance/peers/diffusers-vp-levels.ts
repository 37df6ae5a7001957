import { discreteVp } from '../../diffusion/discrete-vp';
import { gridPoint, type GridPoint } from '../../diffusion/grid-point';
import type { RecordedTable } from '../../solvers/linear-form';

/**
 * Noise levels of whole timesteps as DDIM and PNDM look them up, for steps of floor(n/steps) timesteps whatever the
 * spacing: where that is not the distance of two timesteps, a step lands beside the next one.
 */
export interface VpLevels {
  /** Timesteps between the start and the end of a step. */
  readonly stride: number;
  /** The level of a timestep; below 0 that after the last step. */
  readonly at: (t: number) => GridPoint;
}

/** @param setAlphaToOne whether the last step ends without noise rather than at timestep 0 */
export function vpLevels(betas: ArrayLike<number>, steps: number, setAlphaToOne: boolean): VpLevels {
  let alphaBar = 1;
  const alphaBars = Array.from(betas, (beta) => (alphaBar *= 1 - beta));
  return {
    stride: Math.floor(betas.length / steps),
    at: (t) => {
      const bar = t >= 0 ? alphaBars[t]! : setAlphaToOne ? 1 : alphaBars[0]!;
      return gridPoint(t, Math.sqrt(bar), Math.sqrt(1 - bar));
    },
  };
}

/**
 * A table whose calls have the noise level that a network reads from its timestep, which is what it was trained for.
 * Real-valued and rounded timesteps differ a little from the level σ̂ that the scheduler goes by and scales the input by.
 */
export function atTimesteps(table: RecordedTable, betas: ArrayLike<number>): RecordedTable {
  const schedule = discreteVp(betas);
  const calls = table.calls.map((call) => {
    const { alpha, sigma } = schedule.at(call.t);
    const scale = call.network ? call.network.alpha / call.alpha : 1;
    return gridPoint(call.t, alpha / scale, sigma / scale, call.network && { alpha, sigma });
  });
  return { ...table, calls };
}
