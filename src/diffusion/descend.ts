/** Where a descent ended. */
export interface Minimum {
  readonly at: Float64Array;
  readonly value: number;
}

/** No step moves further than this, so that the descent stays in the valley it starts in. */
const longestStep = 0.1;
const iterations = 300;
const restarts = 30;

/**
 * BFGS with central differences and a backtracking line search, for a handful of unknowns and functions that are smooth
 * but for kinks: it is started afresh where a kink stops it, until that gains nothing. A value of Infinity marks points
 * that are not allowed. Deterministic.
 */
export function descend(f: (x: Float64Array) => number, start: Float64Array): Minimum {
  let best: Minimum = { at: start, value: f(start) };
  for (let round = 0; round < restarts; round++) {
    const found = oneDescent(f, best);
    const gain = best.value - found.value;
    best = found;
    if (!(gain > 1e-12 * Math.abs(best.value))) break;
  }
  return best;
}

function oneDescent(f: (x: Float64Array) => number, from: Minimum): Minimum {
  const n = from.at.length;
  let current = from;
  let slope = gradient(f, current.at);
  // Inverse of the Hessian, as rows.
  let inverse = Array.from({ length: n }, (_, i) => Float64Array.from({ length: n }, (__, j) => (i === j ? 1 : 0)));
  for (let iteration = 0; iteration < iterations; iteration++) {
    const direction = inverse.map((row) => -dot(row, slope));
    const next = lineSearch(f, current, direction, dot(direction, slope));
    if (!next) break;
    const nextSlope = gradient(f, next.at);
    const s = next.at.map((x, i) => x - current.at[i]!);
    const y = nextSlope.map((g, i) => g - slope[i]!);
    const sy = dot(s, y);
    if (sy > 1e-14) {
      const hy = inverse.map((row) => dot(row, y));
      const factor = (sy + dot(y, hy)) / (sy * sy);
      inverse = inverse.map((row, i) =>
        row.map((h, j) => h + factor * s[i]! * s[j]! - (hy[i]! * s[j]! + s[i]! * hy[j]!) / sy),
      );
    }
    [current, slope] = [next, nextSlope];
  }
  return current;
}

/** Halves the step until the value falls enough (Armijo); undefined when it never does. */
function lineSearch(
  f: (x: Float64Array) => number,
  { at, value }: Minimum,
  direction: readonly number[],
  slope: number,
): Minimum | undefined {
  if (!(slope < 0)) return undefined;
  let step = Math.min(1, longestStep / Math.hypot(...direction));
  for (let halving = 0; halving < 40; halving++, step /= 2) {
    const point = at.map((x, i) => x + step * direction[i]!);
    const reached = f(point);
    if (reached <= value + 1e-4 * step * slope && reached < value) return { at: point, value: reached };
  }
  return undefined;
}

function gradient(f: (x: Float64Array) => number, x: Float64Array): Float64Array {
  const h = 1e-6;
  const moved = (i: number, by: number): number => f(x.map((value, j) => (i === j ? value + by : value)));
  return x.map((_, i) => (moved(i, h) - moved(i, -h)) / (2 * h));
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
