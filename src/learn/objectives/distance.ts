/** How far values are from their targets, a number for each sample. Arrays are flat, `count × width`, row-major. */
export interface Distance {
  /** d of each sample, `count`; NaN where a value is not finite. */
  losses(values: Float32Array, targets: Float32Array, count: number, signal?: AbortSignal): Promise<Float64Array>;
  /** d with its gradient ∂d/∂values, `count × width`. Absent when a network that measures has none. */
  gradient?(
    values: Float32Array,
    targets: Float32Array,
    count: number,
    signal?: AbortSignal,
  ): Promise<{ readonly losses: Float64Array; readonly gradient: Float32Array }>;
  /**
   * w such that Σ_e w_e·(value_e − target_e)² stands in for d around these values (iteratively re-weighted least squares):
   * the same gradient here (but for the smallest residuals of L1), and nowhere below d but for a constant. `count × width`;
   * absent where there is no such sum.
   */
  weights?(values: Float32Array, targets: Float32Array, count: number): Float32Array;
}

/** d of one sample from its residuals r, as a loss and what depends on an element of r. */
interface Penalty {
  readonly loss: number;
  /** ∂d/∂r_e */
  readonly slope: (residual: number) => number;
  /** w_e */
  readonly weight: (residual: number) => number;
}

/** L2: the mean squared difference per element, ‖r‖²/dim. */
export const l2 = pointwise((residuals) => {
  const { length: dim } = residuals;
  return { loss: meanSquare(residuals), slope: (r) => (2 / dim) * r, weight: () => 1 / dim };
});

/**
 * Residuals below this share of the sample's mean |r| weigh as if they were there: exact weights grow without end, and steps
 * get stuck at residuals that happen to be small. On a mixture of Gaussians in eight dimensions eight steps end at 0.0122,
 * 0.0120, 0.0100 and 0.0064 with shares of 0.01, 0.1, 0.3 and 1 at N = 4, and at 0.0023, 0.0049, 0.0019, 0.0035 at N = 6.
 */
const floorShare = 0.3;
/** The same for a sample that meets its target; about the rounding of float32. */
const leastFloor = 1e-6;

/** L1: the mean absolute difference per element. w = 1/(2·dim·|r|). */
export const l1 = pointwise((residuals) => {
  const { length: dim } = residuals;
  const loss = residuals.reduce((sum, r) => sum + Math.abs(r), 0) / dim;
  const floor = Math.max(floorShare * loss, leastFloor);
  return {
    loss,
    slope: (r) => Math.sign(r) / dim,
    weight: (r) => 1 / (2 * dim * Math.max(Math.abs(r), floor)),
  };
});

/** c/√dim of consistency training: c = 0.00054·√dim (Song and Dhariwal 2023, arXiv 2310.14189, section 3.3). */
const autoHuber = 0.00054;

/**
 * Pseudo-Huber of a whole sample, (√(‖r‖² + c²) − c)/√dim: quadratic in samples that are nearly right, and linear in the
 * norm of the others, so that a few hard ones do not decide everything. With c = auto it is √(mse + 0.00054²) − 0.00054.
 *
 * @param c in units of ‖r‖
 */
export function pseudoHuber(c: number | 'auto'): Distance {
  return pointwise((residuals) => {
    const { length: dim } = residuals;
    const k = c === 'auto' ? autoHuber : c / Math.sqrt(dim);
    const mse = meanSquare(residuals);
    const root = Math.sqrt(mse + k * k);
    // As mse/(root + k): the difference of the roots cancels for small residuals.
    return { loss: mse / (root + k), slope: (r) => r / (dim * root), weight: () => 1 / (2 * dim * root) };
  });
}

function pointwise(penaltyOf: (residuals: Float64Array) => Penalty): Distance {
  const each = (
    values: Float32Array,
    targets: Float32Array,
    count: number,
    use: (penalty: Penalty, residuals: Float64Array, sample: number) => void,
  ): void => {
    const width = values.length / count;
    const residuals = new Float64Array(width);
    for (let i = 0; i < count; i++) {
      for (let e = 0; e < width; e++) residuals[e] = values[i * width + e]! - targets[i * width + e]!;
      use(penaltyOf(residuals), residuals, i);
    }
  };
  const fill = (out: Float32Array, sample: number, residuals: Float64Array, of: (r: number) => number): void => {
    const at = sample * residuals.length;
    for (let e = 0; e < residuals.length; e++) out[at + e] = of(residuals[e]!);
  };
  return {
    async losses(values, targets, count) {
      const losses = new Float64Array(count);
      each(values, targets, count, ({ loss }, _, i) => (losses[i] = loss));
      return losses;
    },
    async gradient(values, targets, count) {
      const losses = new Float64Array(count);
      const gradient = new Float32Array(values.length);
      each(values, targets, count, (penalty, residuals, i) => {
        losses[i] = penalty.loss;
        fill(gradient, i, residuals, penalty.slope);
      });
      return { losses, gradient };
    },
    weights(values, targets, count) {
      const weights = new Float32Array(values.length);
      each(values, targets, count, (penalty, residuals, i) => fill(weights, i, residuals, penalty.weight));
      return weights;
    },
  };
}

function meanSquare(residuals: Float64Array): number {
  let sum = 0;
  for (const r of residuals) sum += r * r;
  return sum / residuals.length;
}
