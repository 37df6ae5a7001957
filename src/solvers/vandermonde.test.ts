import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lagrangeCoefficients, solveVandermonde } from './vandermonde';

const well = fc.uniqueArray(fc.integer({ min: -6, max: 6 }), { minLength: 1, maxLength: 5 });

describe('Vandermonde systems', () => {
  it('are solved', () => {
    fc.assert(
      fc.property(well, (nodes) => {
        const right = nodes.map((_, k) => Math.cos(3 * k + 1));
        const rho = solveVandermonde(nodes, right);
        right.forEach((value, k) => {
          const terms = rho.map((weight, m) => weight * nodes[m]! ** k);
          const size = terms.reduce((sum, term) => sum + Math.abs(term), 1);
          expect(Math.abs(terms.reduce((sum, term) => sum + term, 0) - value)).toBeLessThan(1e-12 * size);
        });
      }),
    );
  });

  it('do without a node at infinity, like their limit', () => {
    const far = lagrangeCoefficients([0.5, -1e12, 1]);
    const limit = lagrangeCoefficients([0.5, -Infinity, 1]);
    expect(limit).toEqual([lagrangeCoefficients([0.5, 1])[0], [0], lagrangeCoefficients([0.5, 1])[1]]);
    far.forEach((basis, m) => {
      basis.forEach((coefficient, k) => {
        expect(coefficient).toBeCloseTo(limit[m]![k] ?? 0, 10);
      });
    });
  });
});
