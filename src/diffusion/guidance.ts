/**
 * Guidance, as numbers that combine the network's outputs with and without the condition. It is linear in the output,
 * so it is the same for every prediction, and a solver's table does not change with it; each evaluation of a guided
 * model costs two of the network, which tables count as one.
 */

/** The weights of the two outputs in u + w·(c − u) (Ho & Salimans 2022, in the convention in which w = 1 is off). */
export interface GuidanceWeights {
  readonly unconditional: number;
  readonly conditional: number;
}

export function guidanceWeights(w: number): GuidanceWeights {
  if (!Number.isFinite(w)) throw new RangeError(`The guidance scale must be a finite number, got ${w}.`);
  return { unconditional: 1 - w, conditional: w };
}

/** The noise levels σ̂ = σ/α within which guidance acts. */
export interface GuidanceInterval {
  /** Exclusive. */
  readonly low: number;
  /** Inclusive. */
  readonly high: number;
}

/**
 * The guidance scale at a noise level: `w` for σ̂ in (low, high] and 1, the conditional output alone, outside
 * (Kynkäänniemi et al. 2024, Eq. 5). It is a step function of σ̂: its derivative is 0 but for the ends.
 *
 * @param sigma σ̂; ∞ where no signal is left, which is outside
 */
export function guidanceScaleAt(sigma: number, w: number, interval: GuidanceInterval): number {
  const { low, high } = interval;
  if (!(low >= 0 && low < high)) {
    throw new RangeError(`A guidance interval needs 0 ≤ low < high, got ${low} and ${high}.`);
  }
  return sigma > low && sigma <= high ? w : 1;
}

/**
 * What the guided output of one sample is multiplied with so that its standard deviation approaches that of the
 * conditional output: φ·std(c)/std(guided) + 1 − φ (Lin et al. 2024, Eqs. 14 to 16; diffusers' `guidance_rescale`). The
 * standard deviation is that over all elements of the sample.
 *
 * @param phi 0 (off) to 1; the paper has 0.7
 * @throws RangeError when the guided output is constant, which has no scale
 */
export function guidanceRescale(conditional: ArrayLike<number>, guided: ArrayLike<number>, phi: number): number {
  if (!(phi >= 0 && phi <= 1)) throw new RangeError(`The guidance rescale must lie between 0 and 1, got ${phi}.`);
  if (phi === 0) return 1;
  if (conditional.length !== guided.length) {
    throw new RangeError(
      `The guided output has ${guided.length} elements and the conditional one ${conditional.length}; both must agree.`,
    );
  }
  const spread = deviation(guided);
  if (!(spread > 0)) throw new RangeError('The guided output is the same everywhere, so it cannot be rescaled.');
  return (phi * deviation(conditional)) / spread + 1 - phi;
}

/** Standard deviation but for a factor that depends on the number of elements alone. */
function deviation(values: ArrayLike<number>): number {
  const n = values.length;
  let mean = 0;
  for (let i = 0; i < n; i++) mean += values[i]! / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (values[i]! - mean) ** 2;
  return Math.sqrt(squares);
}
