/**
 * ∫ ℓ_j(u)·ρ(u) du for every Lagrange polynomial ℓ_j of `nodes`, exact but for rounding: the polynomials are written in
 * powers of u and multiplied with the moments of the weight.
 *
 * Put the origin of u at the end of the interval where the nodes are: then all nodes have one sign and the interval the
 * other, the terms of each sum have equal signs and nothing cancels.
 *
 * @param nodes p different numbers
 * @param moments at least p numbers: ∫ u^k·ρ(u) du at k
 */
export function lagrangeIntegrals(nodes: readonly number[], moments: readonly number[]): number[] {
  return nodes.map((node, j) => {
    // Π_{i≠j} (u − u_i)/(u_j − u_i) as coefficients of 1, u, u², …
    let polynomial = [1];
    for (const [i, other] of nodes.entries()) {
      if (i === j) continue;
      const scale = 1 / (node - other);
      polynomial = [...polynomial, 0].map((value, k) => ((polynomial[k - 1] ?? 0) - other * value) * scale);
    }
    return polynomial.reduce((sum, coefficient, k) => sum + coefficient * moments[k]!, 0);
  });
}

/** ∫₀¹ u^k du for k = 0 … n − 1. */
export function unitMoments(n: number): number[] {
  return Array.from({ length: n }, (_, k) => 1 / (k + 1));
}

/**
 * ∫₀^h u^k·e^u du for k = 0 … n − 1, with h ≤ 0 and −∞ allowed: by the closed recurrence, or for |h| < 1, where that
 * cancels, by a quadrature that is exact but for rounding.
 */
export function exponentialMoments(h: number, n: number): number[] {
  if (h > -1) return Array.from({ length: n }, (_, k) => integrate((u) => u ** k * Math.exp(u), 0, h, 1));
  const moments = [Math.expm1(h)];
  // h^k·e^h is 0 at −∞.
  const end = (k: number): number => (h === -Infinity ? 0 : h ** k * Math.exp(h));
  for (let k = 1; k < n; k++) moments.push(end(k) - k * moments[k - 1]!);
  return moments;
}

/** Nodes and weights of the Gauss–Legendre rule with 16 points on [0, 1]. */
const rule = gaussLegendre(16);

/**
 * ∫_a^b f(u) du to rounding for a smooth f: Gauss–Legendre with 16 points on equal panels of at most `panel`.
 */
export function integrate(f: (u: number) => number, a: number, b: number, panel: number): number {
  const panels = Math.max(1, Math.ceil(Math.abs(b - a) / panel));
  const width = (b - a) / panels;
  let sum = 0;
  for (let i = 0; i < panels; i++) {
    for (const { node, weight } of rule) sum += weight * f(a + (i + node) * width);
  }
  return sum * width;
}

/** Newton's method on the Legendre polynomial P_n, from the usual cosine estimates of its roots. */
function gaussLegendre(n: number): { readonly node: number; readonly weight: number }[] {
  return Array.from({ length: n }, (_, i) => {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let slope = 1;
    for (let iteration = 0; iteration < 10; iteration++) {
      let [before, value] = [1, x];
      for (let k = 2; k <= n; k++) [before, value] = [value, ((2 * k - 1) * x * value - (k - 1) * before) / k];
      slope = (n * (x * value - before)) / (x * x - 1);
      x -= value / slope;
    }
    return { node: (1 - x) / 2, weight: 1 / ((1 - x * x) * slope * slope) };
  });
}
