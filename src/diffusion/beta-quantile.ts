/**
 * Quantile of the beta distribution: the x at which the regularised incomplete beta function I_x(a, b) equals p, to a
 * few units in the last place for shapes of the size that noise grids use. With p ≤ I_{1/2}(a, b) the root lies in
 * (0, ½], where the power series of I (DLMF 8.17.7 with the integrand's binomial series) gains a bit per term; above it
 * the symmetry I_x(a, b) = 1 − I_{1−x}(b, a) leads back there.
 *
 * @param p probability in [0, 1]
 * @param a first shape, above 0
 * @param b second shape, above 0
 * @throws RangeError for a probability or shape outside its range
 */
export function betaQuantile(p: number, a: number, b: number): number {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`A probability must lie between 0 and 1, got ${p}.`);
  if (!(a > 0 && b > 0 && a <= 30 && b <= 30)) {
    throw new RangeError(`The shapes of a beta grid must lie above 0 and at most at 30, got ${a} and ${b}.`);
  }
  if (p === 0 || p === 1) return p;
  // The two halves of the complete beta function B(a, b), in units of which p is given.
  const low = incompleteBeta(0.5, a, b);
  const high = incompleteBeta(0.5, b, a);
  const mass = p * (low + high);
  return mass <= low ? inverse(mass, a, b) : 1 - inverse((1 - p) * (low + high), b, a);
}

/** ∫₀^x u^{a−1}(1−u)^{b−1} du for 0 < x ≤ ½, by (1−u)^{b−1} = Σ_k (1−b)_k u^k / k!. */
function incompleteBeta(x: number, a: number, b: number): number {
  let power = x ** a;
  let sum = power / a;
  for (let k = 1; k < 1000; k++) {
    power *= ((k - b) / k) * x;
    const term = power / (a + k);
    sum += term;
    if (Math.abs(term) <= Number.EPSILON * 1e-2 * Math.abs(sum) && k > b) break;
  }
  return sum;
}

/** The x ∈ (0, ½] with incompleteBeta(x) = mass, by Newton's method on log(mass) over log(x), nearly a straight line. */
function inverse(mass: number, a: number, b: number): number {
  let u = Math.min(Math.log(mass * a) / a, Math.log(0.5));
  for (let i = 0; i < 50; i++) {
    const x = Math.exp(u);
    const value = incompleteBeta(x, a, b);
    const step = (Math.log(value / mass) * value) / (x ** a * (1 - x) ** (b - 1));
    u = Math.min(u - step, Math.log(0.5));
    if (Math.abs(step) <= 4 * Number.EPSILON * Math.max(1, Math.abs(u))) break;
  }
  return Math.exp(u);
}
