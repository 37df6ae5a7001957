/**
 * The grid arithmetic of the Python programs, operation for operation: where a program rounds a grid to whole training
 * timesteps, one unit in the last place decides between two of them.
 */

/** numpy.linspace: `n` values from `start` to `stop`, the last one exact; a single value is `start`. */
export function linspace(start: number, stop: number, n: number): number[] {
  const step = (stop - start) / (n - 1);
  return Array.from({ length: n }, (_, i) => (i === n - 1 && n > 1 ? stop : i === 0 ? start : start + i * step));
}

/** numpy.arange(start, stop, step) with a real step: numpy adds multiples of the rounded first difference. */
export function arange(start: number, stop: number, step: number): number[] {
  const length = Math.max(0, Math.ceil((stop - start) / step));
  const delta = start + step - start;
  return Array.from({ length }, (_, i) => start + i * delta);
}

/** numpy.round: to the nearest whole number, halves to the even one. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** numpy.interp on the whole-number axis 0, 1, …: linear between the values, constant beyond the ends. */
export function interpIndex(x: number, values: ArrayLike<number>): number {
  const last = values.length - 1;
  if (x <= 0) return values[0]!;
  if (x >= last) return values[last]!;
  const i = Math.floor(x);
  return (values[i + 1]! - values[i]!) * (x - i) + values[i]!;
}
