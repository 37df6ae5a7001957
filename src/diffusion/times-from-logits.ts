import type { NoiseSchedule } from './noise-schedule';

/** Which axis LD3's grid is even on when all logits are equal. */
export type Ld3Mode = 'time' | 'lambda';

/**
 * LD3's discretisation (Tong et al. 2025, §3.2): the cumulative softmax of N + 1 logits, stretched to [0, 1], is the way
 * along the axis, time (latents) or λ (pixels). One logit is redundant; equal logits give an even grid.
 *
 * @returns N + 1 falling times from tMax to tMin
 */
export function ld3Times(schedule: NoiseSchedule, logits: ArrayLike<number>, mode: Ld3Mode): Float64Array {
  const { tMin, tMax } = schedule;
  const sums = cumulativeSoftmax(logits);
  const [first, last] = [sums[0]!, sums.at(-1)!];
  const share = (sum: number): number => (sum - first) / (last - first);
  if (mode === 'time')
    return Float64Array.from(sums)
      .reverse()
      .map((sum) => tMin + (tMax - tMin) * share(sum));
  const [from, to] = [schedule.lambda(tMax), schedule.lambda(tMin)];
  return Float64Array.from(sums, (sum) => schedule.timeOfLambda(from + (to - from) * share(sum)));
}

/**
 * The times LD3 hands to the network: the solver's plus bounded shifts (in λ in lambda mode), none at the two ends. The
 * bound is `window` times the smallest gap of the times; in lambda mode the authors' program takes the gap of the raw
 * logits instead, so equal logits allow no shift.
 */
export function ld3ModelTimes(
  schedule: NoiseSchedule,
  logits: ArrayLike<number>,
  shifts: ArrayLike<number>,
  mode: Ld3Mode,
  window = 0.5,
): Float64Array {
  const times = ld3Times(schedule, logits, mode);
  const gapsOf = mode === 'time' ? times : Float64Array.from(logits);
  const bound = window * Math.min(...gapsOf.slice(1).map((value, i) => Math.abs(value - gapsOf[i]!)));
  return times.map((t, i) => {
    if (i === 0 || i === times.length - 1) return t;
    const shift = Math.max(-bound, Math.min(bound, shifts[i]!));
    return mode === 'time' ? t + shift : schedule.timeOfLambda(schedule.lambda(t) + shift);
  });
}

/**
 * GS's times by stick breaking (Oganov et al. 2025, Eq. 14) as the authors' program has it, from the clean end:
 * t_{N−n} = δ + (T − δ)·(1 − Π_{j≤n} μ_j), μ = sigmoid(θ) kept 10⁻⁵ away from 0 and 1.
 *
 * @param logits N − 1 numbers θ
 * @returns N + 1 falling times from `tMax` = T to `tMin` = δ
 */
export function gsTimes(logits: ArrayLike<number>, tMin: number, tMax: number): Float64Array {
  const margin = 1e-5;
  let left = 1;
  const rising = Array.from(logits, (logit) => {
    left *= (1 - 2 * margin) / (1 + Math.exp(-logit)) + margin;
    return tMin + (tMax - tMin) * (1 - left);
  });
  return Float64Array.from([tMax, ...rising.reverse(), tMin]);
}

function cumulativeSoftmax(logits: ArrayLike<number>): number[] {
  const top = Math.max(...Array.from(logits));
  const exps = Array.from(logits, (logit) => Math.exp(logit - top));
  const total = exps.reduce((sum, value) => sum + value, 0);
  let sum = 0;
  return exps.map((value) => (sum += value / total));
}
