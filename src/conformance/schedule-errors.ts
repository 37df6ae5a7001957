import type { ScheduleChecker } from './schedules';

/** What a checker returns: the worst error of its comparisons. */
export function result(id: string, errors: readonly number[]): ReturnType<ScheduleChecker> {
  return { id, errors: { grid: Math.max(...errors) } };
}

/** Times below this are compared absolutely: the programs round to 0 what is a few 1e-15 there. */
const smallest = 1e-3;

/** The largest relative difference of values stored in full. */
export function exact(ours: ArrayLike<number>, stored: readonly number[]): number {
  return largest(ours, stored, () => 0);
}

/** The same for values stored with ten significant digits: what remains beyond half a unit of the tenth. */
export function tenDigits(ours: ArrayLike<number>, stored: readonly number[]): number {
  return largest(ours, stored, (value) => 0.5 * 10 ** (Math.floor(Math.log10(Math.abs(value))) - 9));
}

function largest(ours: ArrayLike<number>, stored: readonly number[], slack: (value: number) => number): number {
  if (ours.length !== stored.length) return NaN;
  const errors = stored.map((value, i) => {
    const difference = Math.abs(ours[i]! - value);
    return Math.max(0, difference - (value === 0 ? 0 : slack(value))) / Math.max(Math.abs(value), smallest);
  });
  return Math.max(0, ...errors);
}
