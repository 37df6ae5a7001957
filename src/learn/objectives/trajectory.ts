import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import type { Objective, Outcome } from '../objective';
import type { PairSet } from '../pairs';
import { teacherStates } from '../teacher-path';

/**
 * An objective that also draws the student to the teacher's trajectory (as NeuralSolver does, arXiv 2505.21114):
 *
 *     loss + weight/(N−1)·Σ_{k=1}^{N−1} ‖y_k − teacher(τ_k)‖²/(dim·(α_k² + σ_k²))
 *
 * at the student's own evaluation times τ_k. The scale √(α² + σ²) is that of the states of data with unit variance, for
 * which the probability flow carries an error at (α, σ) to the sample divided by just that; so all rows, from σ = 80 to
 * σ = 0.1, count by what their errors do to the sample. In derivatives the teacher's state is a constant: τ_k moves y_k, not
 * what y_k is compared with. On the mixture of eight Gaussians, Gauss–Newton from DEIS-2 on quadratic times finds nothing with
 * 5, 6 or 8 evaluations and with weight 0.3 a loss 70 to 120 times lower; from DPM-Solver++ 2M on even λ, where it does well
 * alone, it ends 2 to 10 times higher with it. Pairs without a path (validation and test, where samples are all that matters) have the loss of
 * `objective` alone.
 */
export function trajectory(objective: Objective, schedule: NoiseSchedule, weight: number): Objective {
  return {
    async losses(outcome, pairs, signal) {
      return added(await objective.losses(outcome, pairs, signal), residualsOf(outcome, pairs, schedule, weight));
    },
    ...(objective.gradient && {
      async gradient(outcome, pairs, signal) {
        const { losses, rows } = await objective.gradient!(outcome, pairs, signal);
        const inner = residualsOf(outcome, pairs, schedule, weight);
        return {
          losses: added(losses, inner),
          rows: new Map([
            ...rows,
            ...inner.map(({ row, factor, residuals }) => [row, scaled(residuals, 2 * factor)] as const),
          ]),
        };
      },
    }),
    ...(objective.squares && {
      async squares(outcome, pairs, signal) {
        const squares = await objective.squares!(outcome, pairs, signal);
        const inner = residualsOf(outcome, pairs, schedule, weight);
        const { count, dim } = pairs;
        return {
          losses: added(squares.losses, inner),
          width: squares.width + inner.length * dim,
          residuals: sideBySide(count, [squares.residuals, ...inner.map((each) => each.residuals)]),
          push: async (tangent, pushSignal) => {
            const pushed = await squares.push(tangent, pushSignal);
            const moved = inner.map(({ row, factor }) => {
              const own = tangent(row);
              return own ? scaled(own, factor) : new Float32Array(count * dim);
            });
            return sideBySide(count, [pushed, ...moved]);
          },
        };
      },
    }),
  };
}

interface RowResiduals {
  readonly row: number;
  /** What y_k − teacher(τ_k) is multiplied with. */
  readonly factor: number;
  /** `count × dim`; their squares sum up to what the row adds to each sample's loss. */
  readonly residuals: Float32Array;
}

function residualsOf(
  { table, states }: Outcome,
  { path, dim }: PairSet,
  schedule: NoiseSchedule,
  weight: number,
): RowResiduals[] {
  if (!path) return [];
  const inner = table.nfe - 1;
  return Array.from({ length: inner }, (_, i) => {
    const row = i + 1;
    const time = table.times[row]!;
    const { alpha, sigma } = schedule.at(time);
    const factor = Math.sqrt(weight / (inner * dim)) / Math.hypot(alpha, sigma);
    const target = teacherStates(path, schedule, time);
    return { row, factor, residuals: states[row]!.map((y, e) => factor * (y - target[e]!)) };
  });
}

/** The losses with the squares of the rows' residuals. */
function added(losses: Float64Array, inner: readonly RowResiduals[]): Float64Array {
  const sums = losses.slice();
  for (const { residuals } of inner) {
    const width = residuals.length / sums.length;
    residuals.forEach((r, e) => (sums[Math.floor(e / width)]! += r * r));
  }
  return sums;
}

function scaled(values: Float32Array, factor: number): Float32Array {
  return values.map((value) => factor * value);
}

/** Arrays of `count` samples as one, every sample's numbers together. */
function sideBySide(count: number, arrays: readonly Float32Array[]): Float32Array {
  const widths = arrays.map(({ length }) => length / count);
  const width = widths.reduce((sum, each) => sum + each, 0);
  const out = new Float32Array(count * width);
  for (let i = 0; i < count; i++) {
    let to = i * width;
    arrays.forEach((values, a) => {
      out.set(values.subarray(i * widths[a]!, (i + 1) * widths[a]!), to);
      to += widths[a]!;
    });
  }
  return out;
}
