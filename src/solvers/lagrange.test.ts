import { describe, expect, it } from 'vitest';
import { exponentialMoments, integrate, lagrangeIntegrals, unitMoments } from './lagrange';

/** Relative to the expected value. */
function expectClose(value: number, expected: number, tolerance = 1e-14): void {
  expect(Math.abs(value / expected - 1)).toBeLessThan(tolerance);
}

describe('integrals of Lagrange polynomials', () => {
  it('are the Adams–Bashforth weights for equal steps', () => {
    const weights = lagrangeIntegrals([0, -1, -2, -3], unitMoments(4));
    [55, -59, 37, -9].forEach((w, j) => expectClose(weights[j]!, w / 24));
  });

  it('integrate every cubic exactly from steps of very different lengths', () => {
    const nodes = [0, -0.004, -3, -900];
    const weights = lagrangeIntegrals(nodes, unitMoments(4));
    for (const degree of [0, 1, 2, 3]) {
      const terms = nodes.map((node, j) => weights[j]! * node ** degree);
      const sum = terms.reduce((total, term) => total + term, 0);
      expect(Math.abs(sum - 1 / (degree + 1))).toBeLessThan(1e-13 * Math.max(...terms.map(Math.abs)));
    }
  });
});

describe('moments of an exponential', () => {
  it.each([-1e-6, -0.01, -0.5, -0.999])('keep their digits on a short interval (%d)', (h) => {
    // ∫₀^h u^k·e^u du = Σ_m h^{k+m+1}/(m!·(k+m+1))
    for (const [k, moment] of exponentialMoments(h, 4).entries()) {
      let sum = 0;
      for (let m = 20, factorial = 2432902008176640000; m >= 0; factorial /= Math.max(m, 1), m--) {
        sum += h ** (k + m + 1) / (factorial * (k + m + 1));
      }
      expectClose(moment, sum);
    }
  });

  it.each([-1, -3, -12])('meet a quadrature on a long interval (%d)', (h) => {
    for (const [k, moment] of exponentialMoments(h, 4).entries()) {
      expectClose(
        moment,
        integrate((u) => u ** k * Math.exp(u), 0, h, 0.5),
      );
    }
  });

  it('reach to minus infinity, where they are −Γ(k + 1) with alternating signs', () => {
    expect(exponentialMoments(-Infinity, 4)).toEqual([-1, 1, -2, 6]);
  });
});
