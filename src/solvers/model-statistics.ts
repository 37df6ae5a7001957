import type { GridPoint } from '../diffusion/grid-point';

/** What DPM-Solver-v3 knows of a model beforehand: l, s and b of its paper, on a grid of λ. */
export interface ModelStatistics {
  /** λ_0 < … < λ_K, from noise to data; every point of a sampling grid must be one of them. */
  readonly lambda: ArrayLike<number>;
  /** Flat [K + 1][elements of a sample], or [K + 1][1] when all elements share one number. */
  readonly l: ArrayLike<number>;
  readonly s: ArrayLike<number>;
  readonly b: ArrayLike<number>;
}

/**
 * How many numbers the statistics have on each noise level.
 *
 * @throws RangeError for λ that do not rise and sizes that do not fit
 */
export function widthOfStatistics({ lambda, l, s, b }: ModelStatistics): number {
  const rising = Array.from(lambda).every((value, i) => Number.isFinite(value) && (i === 0 || value > lambda[i - 1]!));
  if (lambda.length < 2 || !rising) {
    throw new RangeError('The λ of model statistics must be at least two finite numbers that rise.');
  }
  const width = l.length / lambda.length;
  if (!(Number.isInteger(width) && width >= 1) || s.length !== l.length || b.length !== l.length) {
    throw new RangeError(
      `Model statistics on ${lambda.length} noise levels need the same whole number of l, s and b on each; ` +
        `got ${l.length}, ${s.length} and ${b.length} numbers.`,
    );
  }
  return width;
}

/**
 * The index of a grid point's λ among those of the statistics.
 *
 * @throws RangeError when it lies between them
 */
export function nodeOf(lambda: ArrayLike<number>, point: GridPoint): number {
  const distances = Array.from(lambda, (value) => Math.abs(value - point.lambda));
  const node = distances.indexOf(Math.min(...distances));
  const spacing = (lambda[lambda.length - 1]! - lambda[0]!) / (lambda.length - 1);
  if (node >= 0 && distances[node]! <= 1e-6 * spacing) return node;
  throw new RangeError(
    `The time ${point.t} (λ = ${point.lambda}) is not on the grid of the model statistics; ` +
      'DPM-Solver-v3 can only stop at their noise levels.',
  );
}

/** The integrals of one element's statistics, and the polynomials' weights. */
export class Integrals {
  readonly L: Float64Array;
  readonly S: Float64Array;
  /** ∫ e^{L+S} */
  readonly I: Float64Array;
  /** ∫ e^{−S}·b */
  readonly B: Float64Array;
  /** ∫ e^{L+S}·B */
  readonly C: Float64Array;

  constructor(
    readonly lambda: Float64Array,
    readonly l: Float64Array,
    s: Float64Array,
    b: Float64Array,
  ) {
    this.L = cumulative(lambda, l);
    this.S = cumulative(lambda, s);
    const growth = this.L.map((L, i) => Math.exp(L + this.S[i]!));
    this.I = cumulative(lambda, growth);
    this.B = cumulative(
      lambda,
      b.map((value, i) => value * Math.exp(-this.S[i]!)),
    );
    this.C = cumulative(
      lambda,
      growth.map((value, i) => value * this.B[i]!),
    );
  }

  /** ∫ e^{(L+S) − (L+S at `from`)}·(λ − λ_from)^power between two nodes. */
  moment(from: number, to: number, power: number): number {
    const { lambda, L, S } = this;
    const part = lambda.subarray(from, to + 1);
    const values = part.map((value, k) => {
      const i = from + k;
      return Math.exp(L[i]! + S[i]! - L[from]! - S[from]!) * (value - lambda[from]!) ** power;
    });
    return cumulative(part, values)[to - from]!;
  }
}

/** The running trapezoid sum of values at x, 0 at the first. */
function cumulative(x: Float64Array, values: Float64Array): Float64Array {
  let sum = 0;
  return values.map((value, i) => (i === 0 ? 0 : (sum += 0.5 * (x[i]! - x[i - 1]!) * (value + values[i - 1]!))));
}
