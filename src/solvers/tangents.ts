import type { NoiseSchedule } from '../diffusion/noise-schedule';
import type { Denoiser } from './denoiser';
import { addScaled, assertFits, type Trajectory } from './sampler';
import { assertPlainTable, rowOffset, tableEntries, type SolverTable, type TableEntry } from './table';

export interface TangentOptions {
  /** Says how fast the noise level changes with time, which sets the step of time derivatives. */
  readonly schedule: NoiseSchedule;
  /**
   * Differences step: this share of the state's root mean square, and for times this much in λ, or this share of the
   * schedule's times where no signal is left and λ is −∞. Default 0.01.
   */
  readonly stepSize?: number;
  /**
   * Central differences: error of second order in the step, twice the evaluations; at an end of the schedule half of
   * them lie just outside. Default one-sided.
   */
  readonly central?: boolean;
  /** States handed to one `evaluate` call at most. Default 1024. */
  readonly maxBatch?: number;
  readonly signal?: AbortSignal;
}

export interface SampleTangents {
  /** ∂y_N/∂entry, `count × dim` each, in the order of `tableEntries`. */
  readonly tangents: Float32Array[];
  /** ∂y_r/∂entry for any row, `count × dim`; undefined where it is zero. */
  rowTangent(entry: number, row: number): Float32Array | undefined;
  /** Model evaluations used, each state counted. */
  readonly evaluations: number;
}

/** One directional derivative to take: of which entry, for which sample, and where to step. */
interface Direction {
  readonly entry: number;
  readonly sample: number;
  /** Tangent of the state, or undefined for a pure time derivative. */
  readonly tangent: Float32Array | undefined;
  /** Step along the tangent, or along time; its sign points where the time axis has room. */
  readonly step: number;
}

/**
 * Forward tangents of the sample with respect to every free entry of the table: what Gauss–Newton needs, with forward
 * runs only. Row recurrences are exact,
 *
 *     ẏ_r = [entry is s_r]·x_T + [entry is w_{r,j}]·D_j + Σ_j w_{r,j}·Ḋ_j
 *     Ḋ_k = ∂D/∂y·ẏ_k + [entry is τ_k]·∂D/∂τ
 *
 * and Ḋ_k is a difference of the denoiser. No direction mixes state and time, because τ_k does not move y_k. Each sample
 * has its own step h with h·rms(ẏ) = stepSize·rms(y); for times h moves λ by stepSize. Zero tangents cost nothing.
 * One-sided, a sample costs Σ_{k<N} (k + k(k+1)/2 + k+1) evaluations, for start weights, weights and times: 45 at N = 5.
 */
export async function sampleTangents(
  denoiser: Denoiser,
  table: SolverTable,
  trajectory: Trajectory,
  conditions: Int32Array,
  options: TangentOptions,
): Promise<SampleTangents> {
  const { nfe } = table;
  const { xT, states, outputs } = trajectory;
  assertPlainTable(table);
  assertFits(denoiser, table, xT, conditions);
  const differences = new Differences(denoiser, conditions, options);
  const entries = tableEntries(nfe);
  /** Ḋ_j of each entry; absent where it is zero. */
  const outputTangents = entries.map(() => new Map<number, Float32Array>());

  const stateTangent = (entry: TableEntry, index: number, r: number): Float32Array | undefined => {
    const moved = outputTangents[index]!;
    const isOwnRow = entry.kind !== 'time' && entry.row === r;
    if (!isOwnRow && moved.size === 0) return undefined;
    const sum = new Float64Array(xT.length);
    if (isOwnRow) addScaled(sum, 1, entry.column === undefined ? xT : outputs[entry.column]!);
    for (const [j, tangent] of moved) addScaled(sum, table.weights[rowOffset(r - 1) + j]!, tangent);
    return new Float32Array(sum);
  };

  for (let k = 0; k < nfe; k++) {
    const point = { state: states[k]!, output: outputs[k]!, t: table.times[k]! };
    const tangents = entries.map((entry, index) => (k === 0 ? undefined : stateTangent(entry, index, k)));
    const wanted = entries.flatMap((entry, index) => {
      if (entry.kind === 'time' && entry.row === k) return differences.timeDirections(index, point.t);
      const tangent = tangents[index];
      return tangent ? differences.stateDirections(index, point.state, tangent) : [];
    });
    for (const [index, derivative] of await differences.take(wanted, point)) {
      outputTangents[index]!.set(k, derivative);
    }
  }
  return {
    tangents: entries.map((entry, index) => stateTangent(entry, index, nfe) ?? new Float32Array(xT.length)),
    rowTangent: (index, r) => stateTangent(entries[index]!, index, r),
    evaluations: differences.evaluations,
  };
}

/** Directional derivatives of a denoiser by batched differences. */
class Differences {
  evaluations = 0;
  private readonly dim: number;
  private readonly stepSize: number;

  constructor(
    private readonly denoiser: Denoiser,
    private readonly conditions: Int32Array,
    private readonly options: TangentOptions,
  ) {
    this.dim = denoiser.dim;
    this.stepSize = options.stepSize ?? 0.01;
    if (!(this.stepSize > 0)) throw new RangeError(`The difference step must be above 0, got ${this.stepSize}.`);
  }

  /** A direction for every sample whose tangent is not zero. */
  stateDirections(entry: number, state: Float32Array, tangent: Float32Array): Direction[] {
    return Array.from(this.conditions).flatMap((_, sample) => {
      const part = this.part(tangent, sample);
      const size = rms(part);
      if (size === 0) return [];
      const scale = rms(this.part(state, sample)) || 1;
      return [{ entry, sample, tangent: part, step: (this.stepSize * scale) / size }];
    });
  }

  /** A time direction for every sample; towards the noise unless that leaves the schedule. */
  timeDirections(entry: number, t: number): Direction[] {
    const { schedule } = this.options;
    const { tMin, tMax } = schedule;
    const { alpha, sigma, dAlpha, dSigma } = schedule.at(t);
    const slope = Math.abs(dAlpha / alpha - dSigma / sigma);
    const step = this.stepSize * (Number.isFinite(slope) ? 1 / slope : tMax - tMin);
    const signed = t + step > tMax ? -step : step;
    return Array.from(this.conditions, (_, sample) => ({ entry, sample, tangent: undefined, step: signed }));
  }

  /** The derivatives of D, per entry, `count × dim`. */
  async take(
    directions: readonly Direction[],
    point: { readonly state: Float32Array; readonly output: Float32Array; readonly t: number },
  ): Promise<Map<number, Float32Array>> {
    const { central = false, maxBatch = 1024 } = this.options;
    const { dim } = this;
    const derivatives = new Map<number, Float32Array>();
    const chunk = Math.max(1, maxBatch);
    for (let from = 0; from < directions.length; from += chunk) {
      const part = directions.slice(from, from + chunk);
      const ahead = await this.evaluateAt(part, point, 1);
      const behind = central ? await this.evaluateAt(part, point, -1) : undefined;
      part.forEach(({ entry, sample, step }, i) => {
        const derivative = derivatives.get(entry) ?? new Float32Array(point.state.length);
        derivatives.set(entry, derivative);
        const scale = 1 / (behind ? 2 * step : step);
        for (let d = 0; d < dim; d++) {
          const at = sample * dim + d;
          const base = behind ? behind[i * dim + d]! : point.output[at]!;
          derivative[at] = (ahead[i * dim + d]! - base) * scale;
        }
      });
    }
    return derivatives;
  }

  private async evaluateAt(
    directions: readonly Direction[],
    point: { readonly state: Float32Array; readonly t: number },
    sign: 1 | -1,
  ): Promise<Float32Array> {
    const { signal } = this.options;
    signal?.throwIfAborted();
    const { dim } = this;
    const states = new Float32Array(directions.length * dim);
    const times = new Float64Array(directions.length).fill(point.t);
    directions.forEach(({ sample, tangent, step }, i) => {
      states.set(this.part(point.state, sample), i * dim);
      if (tangent) {
        for (let d = 0; d < dim; d++) {
          states[i * dim + d] = states[i * dim + d]! + sign * step * tangent[d]!;
        }
      } else {
        times[i] = point.t + sign * step;
      }
    });
    const conditions = Int32Array.from(directions, ({ sample }) => this.conditions[sample]!);
    this.evaluations += directions.length;
    return this.denoiser.evaluate({ states, times, conditions }, signal);
  }

  private part(values: Float32Array, sample: number): Float32Array {
    return values.subarray(sample * this.dim, (sample + 1) * this.dim);
  }
}

/** Root mean square. */
function rms(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum / values.length);
}
