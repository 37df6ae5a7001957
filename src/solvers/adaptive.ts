import { convert, predictionMixture } from '../diffusion/conversions';
import type { NoiseSchedule } from '../diffusion/noise-schedule';
import type { Denoiser } from './denoiser';
import { dormandPrince, StepError, type Integral, type SlopeRequest } from './dormand-prince';

export interface AdaptiveOptions {
  /** Error allowed per step, relative and absolute in units of data. Default 1e-5, as in score SDE (Song et al. 2021). */
  readonly rtol?: number;
  readonly atol?: number;
  /** Evaluations of one sample at most. Default 10 000. */
  readonly maxEvaluations?: number;
  readonly signal?: AbortSignal;
}

export interface AdaptiveRun {
  /** The samples at every noise level, flat `count × dim`; the first are the start, the last the samples. */
  readonly states: readonly Float64Array[];
  /** Evaluations each sample took, and how many of its steps had to be tried again. */
  readonly evaluations: Int32Array;
  readonly rejected: Int32Array;
}

/** The ODE could not be solved to the tolerance. The message says at which noise level, and what to do. */
export class AdaptiveError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AdaptiveError';
  }
}

/** One sample at an angle φ: its state z = cos φ·x₀ + sin φ·ε. */
export interface FlowPoint {
  readonly sample: number;
  readonly angle: number;
  readonly state: Float64Array;
}

/** The velocities cos φ·ε − sin φ·x₀ a model has at some points, in their order. */
export type FlowVelocity = (points: readonly FlowPoint[]) => Promise<readonly Float64Array[]>;

/** A noise level; only σ/α matters. α = 0 may come first and σ = 0 last. */
interface Level {
  readonly alpha: number;
  readonly sigma: number;
}

/**
 * The probability-flow ODE solved to a tolerance: ground truth for few-step solvers.
 *
 * The angle φ = atan(σ/α) is the variable and z = x/√(α² + σ²) the state, in which
 *
 *     dz/dφ = cos φ·ε − sin φ·x₀
 *
 * for any schedule. Both sides are of the size of the data at every noise level, also at the ends α = 0 and σ → 0 where λ
 * and the state of VE scaling are infinite. Every sample has its own steps, so that its path does not depend on what
 * else is in the batch and easy samples stop asking early; the requests of all samples go to the model together.
 *
 * Noise in the model's output is not amplified in these variables: rounding to half precision or to whole timesteps
 * costs more steps where the tolerance is finer, and nothing else.
 *
 * At σ = 0 no model is defined: the path ends a little before, where x₀ differs from the limit by less than atol.
 *
 * @param levels falling in σ/α: the start, the levels states are wanted at, the end
 * @param start `count × dim`, of the scale √(α² + σ²) of the first level
 * @throws AdaptiveError when the tolerance cannot be reached; RangeError for levels that do not fall; AbortError
 */
export async function adaptiveFlow(
  velocity: FlowVelocity,
  levels: readonly Level[],
  start: ArrayLike<number>,
  dim: number,
  options: AdaptiveOptions = {},
): Promise<AdaptiveRun> {
  const { rtol = 1e-5, atol = 1e-5, maxEvaluations = 10_000, signal } = options;
  if (!(rtol > 0 && atol > 0 && Number.isFinite(rtol) && Number.isFinite(atol))) {
    throw new RangeError(`The tolerances of the adaptive solver must be above 0, got rtol ${rtol} and atol ${atol}.`);
  }
  const angles = levels.map(({ alpha, sigma }) => Math.atan2(sigma, alpha));
  if (angles.length < 2 || !angles.every((angle, i) => angle >= 0 && (i === 0 || angle < angles[i - 1]!))) {
    throw new RangeError('The adaptive solver needs at least two noise levels σ/α that fall strictly.');
  }
  const radii = levels.map(({ alpha, sigma }) => Math.hypot(alpha, sigma));
  const clean = angles.at(-1) === 0;
  // Along a path x₀(φ) − x₀(0) is of second order in φ.
  const stops = clean ? [...angles.slice(1, -1), Math.min(0.1 * Math.sqrt(atol), angles.at(-2)!)] : angles.slice(1);
  const runs = Array.from({ length: start.length / dim }, (_, sample) => {
    const z = Float64Array.from({ length: dim }, (_x, i) => start[sample * dim + i]! / radii[0]!);
    return dormandPrince(z, angles[0]!, stops, { rtol, atol, maxEvaluations });
  });
  const results = await answerTogether(runs, velocity, signal, (error, sample) => {
    return new AdaptiveError(explain(error, sample, { rtol, atol, maxEvaluations }), { cause: error });
  });
  const states = levels.map(() => new Float64Array(start.length));
  results.forEach((result, sample) => {
    states.forEach((flat, k) => {
      const z = k > 0 ? result.states[k - 1]! : undefined;
      const end = clean && k === levels.length - 1 ? stops.at(-1)! : 0;
      for (let i = 0; i < dim; i++) {
        const value = z ? Math.cos(end) * z[i]! - Math.sin(end) * result.slope[i]! : 0;
        flat[sample * dim + i] = z ? radii[k]! * value : start[sample * dim + i]!;
      }
    });
  });
  return {
    states,
    evaluations: Int32Array.from(results, ({ evaluations }) => evaluations),
    rejected: Int32Array.from(results, ({ rejected }) => rejected),
  };
}

/** Tolerances below this lie in the rounding of float32 states and outputs. */
export const smallestTolerance = 1e-6;

/**
 * `adaptiveFlow` for a denoiser. Tolerances are raised to `smallestTolerance`, because its states and outputs are
 * float32. A network with one timestep for a whole batch is run once for each sample, since their times differ.
 *
 * @param times falling: the start, times that states are wanted at, the end; null for the schedule's tMax and tMin
 * @param xT `count × dim` start noise with its scale (see `startNoiseScale` of the diffusion room)
 * @param conditions `count` indices
 */
export async function adaptiveSample(
  denoiser: Denoiser,
  schedule: NoiseSchedule,
  times: ArrayLike<number> | null,
  xT: ArrayLike<number>,
  conditions: Int32Array,
  options: AdaptiveOptions = {},
): Promise<AdaptiveRun> {
  const { dim, prediction, space } = denoiser;
  if (space !== schedule.space) {
    throw new RangeError(`The schedule is in ${schedule.space} space, but the model takes states in ${space} space.`);
  }
  if (xT.length !== conditions.length * dim) {
    throw new RangeError(
      `The start noise has ${xT.length} numbers; ${conditions.length} samples of ${dim} need ${conditions.length * dim}.`,
    );
  }
  const grid = times === null ? [schedule.tMax, schedule.tMin] : Array.from(times);
  const [latest = schedule.tMax, earliest = schedule.tMin] = [grid[0], grid.at(-1)];
  const velocity: FlowVelocity = async (points) => {
    const at = points.map(({ angle }) => {
      const t = schedule.timeOfLambda(-Math.log(Math.tan(angle)));
      return Math.min(Math.max(t, earliest), latest);
    });
    const levels = at.map((t) => schedule.at(t));
    const radii = levels.map(({ alpha, sigma }) => Math.hypot(alpha, sigma));
    const states = new Float32Array(points.length * dim);
    points.forEach(({ state }, p) => states.set(scaled(state, radii[p]!), p * dim));
    const batchConditions = Int32Array.from(points, ({ sample }) => conditions[sample]!);
    const batch = { states, times: Float64Array.from(at), conditions: batchConditions };
    const outputs = await denoiser.evaluate(batch, options.signal);
    return points.map(({ state }, p) => {
      const [level, radius] = [levels[p]!, radii[p]!];
      const wanted = { data: -level.sigma / radius, noise: level.alpha / radius, dData: 0, dNoise: 0 };
      const { skip, out } = convert(level, predictionMixture(prediction, space, level), wanted);
      return state.map((z, i) => skip * radius * z + out * outputs[p * dim + i]!);
    });
  };
  return adaptiveFlow(
    velocity,
    grid.map((t) => schedule.at(t)),
    xT,
    dim,
    {
      ...options,
      rtol: Math.max(options.rtol ?? 1e-5, smallestTolerance),
      atol: Math.max(options.atol ?? 1e-5, smallestTolerance),
    },
  );
}

function scaled(values: Float64Array, factor: number): Float64Array {
  return values.map((value) => factor * value);
}

/** Runs integrations side by side: the requests of all that still go on are answered in one batch. */
async function answerTogether(
  runs: readonly Generator<SlopeRequest, Integral, Float64Array>[],
  velocity: FlowVelocity,
  signal: AbortSignal | undefined,
  failed: (error: StepError, sample: number) => Error,
): Promise<Integral[]> {
  const advance = (sample: number, answer?: Float64Array): IteratorResult<SlopeRequest, Integral> => {
    try {
      return answer === undefined ? runs[sample]!.next() : runs[sample]!.next(answer);
    } catch (error) {
      throw error instanceof StepError ? failed(error, sample) : error;
    }
  };
  const turns = runs.map((_, sample) => advance(sample));
  for (;;) {
    signal?.throwIfAborted();
    const points = turns.flatMap((turn, sample): FlowPoint[] =>
      turn.done ? [] : [{ sample, angle: turn.value.at, state: turn.value.state }],
    );
    if (points.length === 0) break;
    const answers = await velocity(points);
    points.forEach(({ sample }, p) => {
      turns[sample] = advance(sample, answers[p]);
    });
  }
  return turns.flatMap((turn) => (turn.done ? [turn.value] : []));
}

function explain(
  { reason, at }: StepError,
  sample: number,
  { rtol, atol, maxEvaluations }: Required<Omit<AdaptiveOptions, 'signal'>>,
): string {
  const where = `at σ/α = ${Math.tan(at).toPrecision(3)} for sample ${sample}`;
  switch (reason) {
    case 'evaluations':
      return (
        `The adaptive solver made ${maxEvaluations} evaluations and is only ${where}; rtol ${rtol} and atol ${atol} may ` +
        "be finer than the rounding of the model's output: raise them, or the number of evaluations it may make."
      );
    case 'not finite':
      return `The model's output ${where} is not finite, so the adaptive solver cannot go on.`;
  }
}
