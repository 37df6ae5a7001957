import { describe, expect, it } from 'vitest';
import { Dual } from '../dual';
import { expRemainder } from './exp-remainder';

describe('expRemainder', () => {
  it('is 1/k! at 0 and obeys φ_k = z·φ_{k+1} + 1/k!, on both sides of where its formula changes', () => {
    const factorials = [1, 1, 2, 6, 24];
    const phi = (k: number, z: number): number => expRemainder(k, Dual.constant(z, 0)).value;
    factorials.forEach((factorial, k) => expect(phi(k, 0)).toBeCloseTo(1 / factorial, 15));
    for (const z of [-11, -1.51, -1.49, -0.3, 1e-9, 1.49, 1.51, 9]) {
      for (let k = 0; k < 4; k++) {
        const whole = z * phi(k + 1, z) + 1 / factorials[k]!;
        expect(Math.abs(phi(k, z) - whole) / Math.max(1, Math.abs(whole))).toBeLessThan(1e-14);
      }
    }
  });
});
