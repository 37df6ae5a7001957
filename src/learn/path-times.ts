import type { NoiseSchedule } from '../diffusion/noise-schedule';
import { Dual } from './dual';
import { range } from './dual-table';
import type { PairSet } from './pairs';
import { timeAxis } from './parameterisations/time-axis';
import { dataWeights, stateWeights } from './teacher-path';

/** How many times more than errors of the sample those of the rows before it may count; see `pathTimes`. */
export const emphases = [0.3, 1, 3, 10, 30] as const;

/** A search for times: nfe + 1 of them, falling from tMax to tMin. */
export type TimeSearch = (nfe: number, emphasis: number) => Float64Array;

/**
 * Searches times for the rows of a table on the teacher's path, without asking the model. There the model's answers X(t) are
 * known at every time; so is, for any times τ, what is left over when each row is fitted by least squares to the teacher's
 * state with all that it may use:
 *
 *     e_r = min E‖teacher(τ_r) − s·x_T − Σ_{j<r} w_j·X(τ_j)‖²/(dim·(α_r² + σ_r²)),    r = 1 … N, the last row the sample
 *
 * The times make e_N + emphasis·Σ_{r<N} e_r least. An error of an inner row also spoils the answers after it, which this
 * does not see; `emphasis` stands for that. It is best somewhere between 0.3 and 30: try `emphases`, and keep what is best once
 * `warmStart` has fitted the rows on real answers. All that is needed of the path is its Gram matrix, as wide as the teacher
 * has evaluations, so a search takes well under a second. Deterministic.
 *
 * On the demo model with 64 noises, UniPC-3 with 20 evaluations as the teacher, tables so found, fitted and chosen by their
 * `error` have validation errors of 0.0054 and 0.0016 with 5 and 8 evaluations, for 1,600 and 2,560 evaluations in all. The best classic
 * solvers have 0.0175 and 0.0037; Gauss–Newton brings these to 0.0060 and 0.0020 in 11,000 and 17,000.
 *
 * @param pairs with their path
 * @throws TypeError without one
 */
export function pathTimes(pairs: PairSet, schedule: NoiseSchedule): TimeSearch {
  const { tMin, tMax } = schedule;
  const errors = rowErrors(pairs, schedule);
  const axis = timeAxis(schedule);
  const timeAt = (x: number): number => axis.timeOf(Dual.constant(axis.low + (axis.high - axis.low) * x, 0)).value;
  const timesOf = (inner: Float64Array): Float64Array => Float64Array.from([tMax, ...inner.map(timeAt)]);
  return (nfe, emphasis) => {
    const cost = (inner: Float64Array): number => {
      const rising = [0, ...inner, 1].every((x, i, all) => i === 0 || x - all[i - 1]! > leastGap);
      if (!rising) return Infinity;
      const found = errors(timesOf(inner));
      return found.reduce((sum, error, r) => sum + (r === nfe - 1 ? error : emphasis * error), 0);
    };
    // From even steps on the axis, from even steps in time, and from half-way between them.
    const evenAxis = Float64Array.from(range(1, nfe), (i) => i / nfe);
    const evenTime = evenAxis.map((x) => (axis.of(schedule.gridTime(x)) - axis.low) / (axis.high - axis.low));
    const between = evenAxis.map((x, i) => (x + evenTime[i]!) / 2);
    const best = [evenAxis, evenTime, between]
      .map((start) => patternSearch(cost, start))
      .reduce((a, b) => (b.value < a.value ? b : a));
    return Float64Array.from([...timesOf(best.at), tMin]);
  };
}

interface Minimum {
  readonly at: Float64Array;
  readonly value: number;
}

const firstStep = 0.1;
const lastStep = 5e-4;

/**
 * Moves one number, or it and all after it, as long as that helps, by ever smaller steps. The cost has a kink wherever a time
 * crosses one of the teacher's, at which descents by gradient stop early.
 */
function patternSearch(f: (x: Float64Array) => number, start: Float64Array): Minimum {
  let best: Minimum = { at: start, value: f(start) };
  for (let step = firstStep; step > lastStep; step /= 2) {
    for (let before = Infinity; best.value < before;) {
      before = best.value;
      for (const by of [step, -step]) {
        for (let i = 0; i < start.length; i++) {
          for (const end of [i + 1, start.length]) {
            const at = best.at.map((x, j) => (i <= j && j < end ? x + by : x));
            const value = f(at);
            if (value < best.value) best = { at, value };
          }
        }
      }
    }
  }
  return best;
}

/** Points of the axis stay apart by this share of it. */
const leastGap = 1e-4;
/** Relative to the diagonal; keeps regressors apart that the path hardly tells apart. */
const ridge = 1e-9;

/** e_1 … e_N of evaluation times τ_0 … τ_{N−1}. */
function rowErrors(pairs: PairSet, schedule: NoiseSchedule): (times: Float64Array) => number[] {
  const { path } = pairs;
  if (!path) throw new TypeError('The pairs have no path of the teacher.');
  const gram = gramOf(pairs, path.data, 1 / schedule.at(path.times[0]!).sigma);
  const size = gram.length;
  /** Coefficients over (x_T/σ_T, X_0 … X_{M−1}, sample). */
  const form = (first: number, data: Float64Array, last: number): Float64Array =>
    Float64Array.from([first, ...data, last]);
  const none = new Float64Array(path.times.length);
  const sample = form(0, none, 1);
  const times = (vector: Float64Array): Float64Array => {
    const product = new Float64Array(size);
    vector.forEach((v, i) => {
      if (v !== 0) for (let j = 0; j < size; j++) product[j]! += v * gram[i]![j]!;
    });
    return product;
  };
  return (at) => {
    const regressors = new Regressors();
    regressors.add(form(1, none, 0), times);
    return Array.from(at, (t, r) => {
      regressors.add(form(0, dataWeights(path.times, schedule, t), 0), times);
      if (r === at.length - 1) return regressors.leftOver(sample, times);
      const { alpha, sigma } = schedule.at(at[r + 1]!);
      const state = form(1, stateWeights(path.times, schedule, at[r + 1]!), 0);
      return regressors.leftOver(state, times) * (sigma ** 2 / (alpha ** 2 + sigma ** 2));
    });
  };
}

/** Least squares in a space given by its Gram matrix, with a Cholesky factor that grows with every regressor. */
class Regressors {
  private readonly forms: Float64Array[] = [];
  private readonly factor: Float64Array[] = [];

  add(regressor: Float64Array, gramTimes: (form: Float64Array) => Float64Array): void {
    const product = gramTimes(regressor);
    const row = this.solve(product);
    const square = dot(regressor, product) * (1 + ridge) - dot(row, row);
    this.factor.push(Float64Array.from([...row, Math.sqrt(Math.max(square, Number.MIN_VALUE))]));
    this.forms.push(regressor);
  }

  /** The squared distance of a form from the span. */
  leftOver(form: Float64Array, gramTimes: (form: Float64Array) => Float64Array): number {
    const product = gramTimes(form);
    const along = this.solve(product);
    return Math.max(0, dot(form, product) - dot(along, along));
  }

  /** L⁻¹ of the products with the regressors. */
  private solve(product: Float64Array): Float64Array {
    const solved = new Float64Array(this.forms.length);
    this.factor.forEach((row, i) => {
      let value = dot(this.forms[i]!, product);
      for (let j = 0; j < i; j++) value -= row[j]! * solved[j]!;
      solved[i] = value / row[i]!;
    });
    return solved;
  }
}

/** Mean products, by element, of all pairs of (x_T·scale, X_0 … X_{M−1}, sample). */
function gramOf({ path, targets, dim, count }: PairSet, data: Float32Array, scale: number): Float64Array[] {
  const points = path!.times.length;
  const size = points + 2;
  const gram = range(0, size).map(() => new Float64Array(size));
  for (let sample = 0; sample < count; sample++) {
    const rows = [
      path!.starts.subarray(sample * dim, (sample + 1) * dim),
      ...range(0, points).map((k) => data.subarray((sample * points + k) * dim, (sample * points + k + 1) * dim)),
      targets.subarray(sample * dim, (sample + 1) * dim),
    ];
    rows.forEach((a, i) => {
      for (let j = 0; j <= i; j++) gram[i]![j]! += dot(a, rows[j]!);
    });
  }
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      const scaled = (gram[i]![j]! * (i === 0 ? scale : 1) * (j === 0 ? scale : 1)) / (count * dim);
      gram[i]![j] = scaled;
      gram[j]![i] = scaled;
    }
  }
  return gram;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
