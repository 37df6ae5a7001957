import type { Dual } from '../dual';

/**
 * φ_k(z) = Σ_{j≥0} z^j/(k + j)!, the remainders of the exponential series: φ_0 = e^z, φ_{k+1} = (φ_k − 1/k!)/z. Exponential
 * integrators are made of them. φ_k′ = φ_k − k·φ_{k+1}.
 */
export function expRemainder(k: number, z: Dual): Dual {
  const value = remainder(k, z.value);
  return z.map(value, value - k * remainder(k + 1, z.value));
}

function remainder(k: number, z: number): number {
  // The recurrence loses digits with each division by a small z.
  if (Math.abs(z) < 1.5) {
    let term = 1;
    for (let i = 2; i <= k; i++) term /= i;
    let sum = 0;
    for (let j = 1; j <= 25; j++) {
      sum += term;
      term *= z / (k + j);
    }
    return sum;
  }
  let phi = Math.exp(z);
  let inverseFactorial = 1;
  for (let i = 0; i < k; i++) {
    phi = (phi - inverseFactorial) / z;
    inverseFactorial /= i + 1;
  }
  return phi;
}
