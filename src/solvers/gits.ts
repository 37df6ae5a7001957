import { addScaled } from './sampler';

/** How far one Euler step of the student may be from the teacher's path. */
export type GitsMetric = 'dev' | 'l1' | 'l2';

/** A teacher's sampling run in VE scaling, all flat `count × dim`. */
export interface TeacherPath {
  /** σ̂ of the M grid points, falling. */
  readonly sigmas: ArrayLike<number>;
  /** States at the M grid points. */
  readonly states: readonly ArrayLike<number>[];
  /** Noise predicted at all but the last. */
  readonly noises: readonly ArrayLike<number>[];
  readonly dim: number;
}

/**
 * What it costs to step from grid point i straight to j, averaged over samples (GITS, Chen et al. 2024): with
 * x = x_i + (σ_j − σ_i)·ε_i the Euler step from the teacher's path,
 *
 *     l1, l2   the norm of x − x_j
 *     dev      the distance of x from the chord between the path's ends, less that of x_j
 *
 * @returns M × M, flat; 0 where j ≤ i
 */
export function gitsCosts({ sigmas, states, noises, dim }: TeacherPath, metric: GitsMetric): Float64Array {
  const m = sigmas.length;
  const first = states[0]!;
  const last = states[m - 1]!;
  const cost = (x: ArrayLike<number>, j: number): number => {
    if (metric === 'dev')
      return meanDeviation(x, first, last, dim) - (j < m - 1 ? meanDeviation(states[j]!, first, last, dim) : 0);
    const target = states[j]!;
    return meanOverSamples(x.length, dim, (at) => {
      let sum = 0;
      for (let d = at; d < at + dim; d++) {
        const difference = Math.abs(x[d]! - target[d]!);
        sum += metric === 'l1' ? difference : difference * difference;
      }
      return metric === 'l1' ? sum : Math.sqrt(sum);
    });
  };
  const costs = new Float64Array(m * m);
  for (let i = 0; i < m - 1; i++) {
    for (let j = i + 1; j < m; j++) {
      const x = Float64Array.from(states[i]!);
      addScaled(x, sigmas[j]! - sigmas[i]!, noises[i]!);
      costs[i * m + j] = cost(x, j);
    }
  }
  return costs;
}

/**
 * The cheapest way from the first grid point to the last in `steps` steps by dynamic programming:
 * V_k(j) = min_i cost(j, i) + γ·V_{k−1}(i), where γ > 1 weighs late steps more.
 *
 * @param costs M × M, flat
 * @returns steps + 1 rising indices of grid points
 * @throws RangeError when the grid has too few points
 */
export function gitsSelect(costs: Float64Array, steps: number, gamma = 1.15): number[] {
  const m = Math.round(Math.sqrt(costs.length));
  if (!(Number.isInteger(steps) && steps >= 1 && steps < m)) {
    throw new RangeError(`A teacher grid of ${m} points has no choice of ${steps} steps.`);
  }
  const end = m - 1;
  // value[k][j]: cost of the best k + 1 steps from j to the end; next[k][j]: where the first of them goes.
  const value = [Float64Array.from({ length: m }, (_, j) => costs[j * m + end]!)];
  const next = [new Int32Array(m).fill(end)];
  for (let k = 1; k < steps; k++) {
    const best = new Float64Array(m).fill(Infinity);
    const to = new Int32Array(m);
    for (let j = 0; j < end; j++) {
      for (let i = j + 1; i < end; i++) {
        const total = costs[j * m + i]! + gamma * value[k - 1]![i]!;
        if (total < best[j]!) [best[j], to[j]] = [total, i];
      }
    }
    value.push(best);
    next.push(to);
  }
  const chosen = [0];
  for (let k = steps - 1; k >= 0; k--) chosen.push(next[k]![chosen.at(-1)!]!);
  return chosen;
}

/** Mean distance of points from the straight lines through `first` and `last`. */
function meanDeviation(x: ArrayLike<number>, first: ArrayLike<number>, last: ArrayLike<number>, dim: number): number {
  return meanOverSamples(x.length, dim, (at) => {
    let [along, chord, square] = [0, 0, 0];
    for (let d = at; d < at + dim; d++) {
      const offset = last[d]! - x[d]!;
      const line = last[d]! - first[d]!;
      along += offset * line;
      chord += line * line;
      square += offset * offset;
    }
    return Math.sqrt(Math.max(0, square - (along * along) / chord));
  });
}

function meanOverSamples(length: number, dim: number, of: (at: number) => number): number {
  let sum = 0;
  for (let at = 0; at < length; at += dim) sum += of(at);
  return sum / (length / dim);
}
