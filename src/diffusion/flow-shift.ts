/**
 * The shift of rectified flow towards noise for larger images (Esser et al. 2024, Eq. 23):
 * s ← shift·s / (1 + (shift − 1)·s), which is 1/(1 + (1/s − 1)/shift): λ moves by −log(shift).
 */
export function shiftedLevel(s: number, shift: number): number {
  return (shift * s) / (1 + (shift - 1) * s);
}

/** The level that the shift moves to s. */
export function unshiftedLevel(s: number, shift: number): number {
  return shiftedLevel(s, 1 / shift);
}

/** d(shifted level)/ds. */
export function shiftDerivative(s: number, shift: number): number {
  return shift / (1 + (shift - 1) * s) ** 2;
}

/** The shift of a `mu` (`use_dynamic_shifting`): e^mu for time_shift_type exponential (Flux), mu itself for linear. */
export function shiftOfMu(mu: number, type: 'exponential' | 'linear' = 'exponential'): number {
  const shift = type === 'exponential' ? Math.exp(mu) : mu;
  if (shift > 0 && Number.isFinite(shift)) return shift;
  throw new RangeError(`mu ${mu} with the ${type} time shift gives the flow shift ${shift}, which must be above 0.`);
}

export interface ResolutionShift {
  /** `base_image_seq_len` and `max_image_seq_len`. Default 256 and 4096 image tokens. */
  readonly baseTokens?: number;
  readonly maxTokens?: number;
  /** `base_shift` and `max_shift`: mu at the two. Default 0.5 and 1.15 (Flux). */
  readonly baseShift?: number;
  readonly maxShift?: number;
}

/** mu for an image of `tokens` patches: a line through two points, also beyond them (Flux pipelines). */
export function muOfTokens(tokens: number, options: ResolutionShift = {}): number {
  const { baseTokens = 256, maxTokens = 4096, baseShift = 0.5, maxShift = 1.15 } = options;
  if (!(tokens > 0 && Number.isFinite(tokens))) {
    throw new RangeError(`The number of image tokens must be above 0, got ${tokens}.`);
  }
  if (baseTokens === maxTokens) throw new RangeError(`base_image_seq_len and max_image_seq_len are both ${maxTokens}.`);
  const slope = (maxShift - baseShift) / (maxTokens - baseTokens);
  return tokens * slope + baseShift - slope * baseTokens;
}

/** The shift from one number of pixels to another that keeps the uncertainty per image: √(pixels/basePixels) (SD3). */
export function shiftOfPixels(pixels: number, basePixels: number): number {
  if (pixels > 0 && basePixels > 0 && Number.isFinite(pixels / basePixels)) return Math.sqrt(pixels / basePixels);
  throw new RangeError(`A shift by resolution needs pixel numbers above 0, got ${pixels} and ${basePixels}.`);
}
