import { gridPoint, type GridPoint } from '../../diffusion/grid-point';

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
