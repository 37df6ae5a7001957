/** A slope that the integrator wants to know: dy/dx at x = `at`, y = `state`. */
export interface SlopeRequest {
  readonly at: number;
  readonly state: Float64Array;
}

export interface StepControl {
  /** A step's error may be atol + rtol·|y|, as a root mean square over the elements. */
  readonly rtol: number;
  readonly atol: number;
  readonly maxEvaluations: number;
}

export interface Integral {
  /** The state at every stop. */
  readonly states: Float64Array[];
  /** dy/dx at the last stop. */
  readonly slope: Float64Array;
  readonly evaluations: number;
  /** Steps that were tried again with a smaller size. */
  readonly rejected: number;
}

/** Why an integration could not go on at x = `at`. */
export class StepError extends Error {
  constructor(
    readonly reason: 'evaluations' | 'not finite',
    readonly at: number,
  ) {
    super(`The integration stopped at ${at}: ${reason}.`);
    this.name = 'StepError';
  }
}

/** Dormand and Prince's 5(4) pair: the last stage is the step itself, and the first stage of the next one. */
const nodes = [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1];
const stages = [
  [],
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
];
/** Fifth minus fourth order. */
const errorWeights = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40];

/**
 * Integrates dy/dx = slope(x, y) from `from` through all `stops` with an adaptive explicit Runge–Kutta method: Dormand &
 * Prince (1980) with the PI step control, starting step and constants of Hairer, Nørsett & Wanner (II.4, II.5, DOPRI5).
 * Order 5; six evaluations a step, and two to begin with. It stops at each stop, so that states there are as accurate
 * as the end. A generator, because who answers the requests may gather those of many integrations into one batch.
 *
 * Rounding noise in the slope has an error that falls only with the first power of the step. Below it the tolerance is
 * still met, by ever shorter steps; how many there may be is up to `maxEvaluations`.
 *
 * @param stops in the order they are passed, all on one side of `from`
 * @throws StepError when a slope is not finite or there would be too many evaluations
 */
export function* dormandPrince(
  start: Float64Array,
  from: number,
  stops: readonly number[],
  control: StepControl,
): Generator<SlopeRequest, Integral, Float64Array> {
  const { rtol, atol, maxEvaluations } = control;
  let evaluations = 0;
  let rejected = 0;
  function* slopeAt(at: number, state: Float64Array): Generator<SlopeRequest, Float64Array, Float64Array> {
    if (evaluations === maxEvaluations) throw new StepError('evaluations', at);
    evaluations += 1;
    const slope = yield { at, state };
    if (!slope.every(Number.isFinite)) throw new StepError('not finite', at);
    return slope;
  }
  /** The root mean square of values in units of the error allowed at y (and z). */
  const norm = (values: Float64Array, y: Float64Array, z = y): number => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) {
      sum += (values[i]! / (atol + rtol * Math.max(Math.abs(y[i]!), Math.abs(z[i]!)))) ** 2;
    }
    return Math.sqrt(sum / values.length);
  };

  const direction = Math.sign((stops.at(-1) ?? from) - from);
  let x = from;
  let y = start;
  let first = yield* slopeAt(x, y);
  let size = 0;
  if (direction !== 0) {
    const [d0, d1] = [norm(y, y), norm(first, y)];
    const h0 = Math.min(d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : (0.01 * d0) / d1, Math.abs(stops.at(-1)! - from));
    const probe = yield* slopeAt(x + direction * h0, addStep(y, direction * h0, [1], [first]));
    const d2 = norm(addStep(probe, -1, [1], [first]), y) / h0;
    const steepest = Math.max(d1, d2);
    size = Math.min(100 * h0, steepest <= 1e-15 ? Math.max(1e-6, h0 * 1e-3) : (0.01 / steepest) ** (1 / 5));
  }

  const states: Float64Array[] = [];
  let previousError = 1e-4;
  let again = false;
  for (const stop of stops) {
    while (x !== stop) {
      const remaining = Math.abs(stop - x);
      const reaches = remaining <= 1.01 * size;
      const step = reaches ? stop - x : direction * size;
      const slopes = [first];
      let next = y;
      for (let s = 1; s < stages.length; s++) {
        next = addStep(y, step, stages[s]!, slopes);
        slopes.push(yield* slopeAt(reaches && nodes[s] === 1 ? stop : x + nodes[s]! * step, next));
      }
      const error = norm(addStep(new Float64Array(y.length), step, errorWeights, slopes), y, next);
      const shrink = error ** 0.17;
      if (error > 1) {
        rejected += 1;
        again = true;
        size = Math.abs(step) / Math.min(5, shrink / 0.9);
        continue;
      }
      const growth = 1 / Math.min(5, Math.max(0.1, shrink / previousError ** 0.04 / 0.9));
      const proposed = Math.abs(step) * (again ? Math.min(1, growth) : growth);
      // A step cut short by a stop says nothing against the size it would have had.
      size = reaches ? Math.max(size, proposed) : proposed;
      previousError = Math.max(error, 1e-4);
      again = false;
      x = reaches ? stop : x + step;
      y = next;
      first = slopes.at(-1)!;
    }
    states.push(y);
  }
  return { states, slope: first, evaluations, rejected };
}

/** y + step·Σ weights·slopes. */
function addStep(
  y: Float64Array,
  step: number,
  weights: readonly number[],
  slopes: readonly Float64Array[],
): Float64Array {
  const sum = Float64Array.from(y);
  weights.forEach((weight, s) => {
    if (weight === 0) return;
    const slope = slopes[s]!;
    for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + step * weight * slope[i]!;
  });
  return sum;
}
