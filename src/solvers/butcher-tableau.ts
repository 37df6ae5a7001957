/**
 * An explicit Runge–Kutta method for dx/du = f(x, u): stage i at u + c_i·h is k_i = f(x + h·Σ_{j<i} a_ij·k_j), and the
 * step ends at x + h·Σ b_i·k_i. One evaluation a stage.
 */
export interface ButcherTableau {
  readonly order: number;
  /** Row i has i numbers; they sum to c_i. */
  readonly a: readonly (readonly number[])[];
  readonly b: readonly number[];
  readonly c: readonly number[];
}

/** Euler's method: order 1, one stage. */
export const euler: ButcherTableau = { order: 1, a: [[]], b: [1], c: [0] };

/**
 * Every method of order 2 with two stages (Meta-Solver's RK2 family): c₂ = a₂₁ = u, b₂ = 1/(2u), b₁ = 1 − b₂. The midpoint
 * method is u = ½, Ralston's u = ⅔ (least error bound), Heun's u = 1; EDM's `alpha` is u. Above 1 the second stage lies
 * beyond the step.
 *
 * @throws RangeError unless u is a number above 0
 */
export function rk2(u: number): ButcherTableau {
  if (!(u > 0 && Number.isFinite(u))) {
    throw new RangeError(`The second stage of a Runge–Kutta method of order 2 must lie above 0, got ${u}.`);
  }
  const b2 = 1 / (2 * u);
  return { order: 2, a: [[], [u]], b: [1 - b2, b2], c: [0, u] };
}

/**
 * The methods of order 3 with three stages at 0, u and v (Meta-Solver's two-parameter family):
 *
 *     b₂ = (2 − 3v)/(6u(u − v))    b₃ = (2 − 3u)/(6v(v − u))    b₁ = 1 − b₂ − b₃
 *     a₃₂ = v(v − u)/(u(2 − 3u))   a₃₁ = v − a₃₂
 *
 * @throws RangeError unless u and v are different, in (0, 1], and u ≠ ⅔ (where b₃ is 0 and no a₃₂ reaches order 3)
 */
export function rk3(u: number, v: number): ButcherTableau {
  const inside = (c: number): boolean => c > 0 && c <= 1;
  if (!(inside(u) && inside(v) && u !== v && 2 - 3 * u !== 0)) {
    throw new RangeError(
      `The stages of a Runge–Kutta method of order 3 must be different and in (0, 1], the second not ⅔; got ${u} and ${v}.`,
    );
  }
  const b2 = (2 - 3 * v) / (6 * u * (u - v));
  const b3 = (2 - 3 * u) / (6 * v * (v - u));
  const a32 = (v * (v - u)) / (u * (2 - 3 * u));
  return { order: 3, a: [[], [u], [v - a32, a32]], b: [1 - b2 - b3, b2, b3], c: [0, u, v] };
}

/** Kutta's method of order 4, "the" Runge–Kutta method. */
export const rk4: ButcherTableau = {
  order: 4,
  a: [[], [1 / 2], [0, 1 / 2], [0, 0, 1]],
  b: [1 / 6, 1 / 3, 1 / 3, 1 / 6],
  c: [0, 1 / 2, 1 / 2, 1],
};

/** Kutta's ⅜ rule of order 4: smaller error constants, no coefficient 0 in the last stage. */
export const rk4ThreeEighths: ButcherTableau = {
  order: 4,
  a: [[], [1 / 3], [-1 / 3, 1], [1, -1, 1]],
  b: [1 / 8, 3 / 8, 3 / 8, 1 / 8],
  c: [0, 1 / 3, 2 / 3, 1],
};

/** Tableaus by the names they have in the literature. */
export const tableaus = {
  euler,
  midpoint: rk2(1 / 2),
  ralston2: rk2(2 / 3),
  heun2: rk2(1),
  heun3: rk3(1 / 3, 2 / 3),
  kutta3: rk3(1 / 2, 1),
  ralston3: rk3(1 / 2, 3 / 4),
  rk4,
  rk4ThreeEighths,
} as const satisfies Readonly<Record<string, ButcherTableau>>;
