import type { Dual } from '../dual';

/** Keeps the sigmoids of `gsTimes` away from 0 and 1. */
const margin = 1e-5;

/** The inner times of `gsTimes` with gradients, rising. */
export function stickBreakingTimes(logits: readonly Dual[], tMin: number, tMax: number): Dual[] {
  const times: Dual[] = [];
  let left: Dual | undefined;
  for (const logit of logits) {
    const piece = logit
      .sigmoid()
      .times(1 - 2 * margin)
      .plus(margin);
    left = left === undefined ? piece : left.times(piece);
    times.push(
      left
        .times(-1)
        .plus(1)
        .times(tMax - tMin)
        .plus(tMin),
    );
  }
  return times;
}

/**
 * The logits whose times are those of a grid.
 *
 * @param grid N + 1 falling times
 * @returns N − 1 logits, from the clean end
 * @throws RangeError for times that do not fall, or a step longer than the sigmoids' margin allows
 */
export function stickBreakingLogits(grid: ArrayLike<number>): number[] {
  const rising = Array.from(grid).reverse();
  const [tMin, tMax] = [rising[0]!, rising.at(-1)!];
  const left = rising.slice(0, -1).map((t) => 1 - (t - tMin) / (tMax - tMin));
  return left.slice(1).map((rest, i) => {
    const share = (rest / left[i]! - margin) / (1 - 2 * margin);
    if (!(share > 0 && share < 1)) {
      throw new RangeError(`GS cannot start at a grid that goes from ${rising[i + 1]} to ${rising[i]}.`);
    }
    return Math.log(share / (1 - share));
  });
}
