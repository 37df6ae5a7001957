import { expect, it } from 'vitest';
import { generalisation, tooFewNoises } from './generalisation';

/** Losses around a mean, spread as chance would have them; no two lists alike. */
const losses = (count: number, mean: number, from: number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => mean * (1 + 0.6 * Math.sin(12.9898 * (i + from))));

it('is silent where training and validation noises do alike, or too few tell', () => {
  const alike = generalisation(losses(64, 0.01, 0), losses(64, 0.011, 99), 0);
  expect(alike.ratioCi95[0]).toBeLessThan(1.1);
  expect(alike.ratioCi95[1]).toBeGreaterThan(1.1);
  expect(tooFewNoises(5, 64, alike)).toBeUndefined();
  // Twice as high on one noise in eight says little.
  const outlier = Float64Array.of(...losses(7, 0.01, 5), 0.2);
  expect(tooFewNoises(5, 64, generalisation(losses(64, 0.01, 0), outlier, 0))).toBeUndefined();
});

it('names both losses and how many noises would do', () => {
  // 1.6 − 1 is four times what is wanted above 1.
  const apart = generalisation(losses(64, 0.01, 0), losses(64, 0.016, 99), 0);
  expect(tooFewNoises(5, 64, apart)).toMatch(
    /loss of 0\.01\d* on its 64 training noises, but of 0\.01\d+ \(95 % interval 0\.01\d+ to 0\.01\d+\) .* Raise training\.samples to 256\.$/,
  );
  const far = generalisation(losses(6, 1e-6, 0), losses(64, 0.016, 99), 0);
  expect(tooFewNoises(5, 6, far)).toMatch(/Raise training\.samples to 256\.$/);
});

it('says nothing of losses that are no numbers', () => {
  const broken = generalisation(losses(8, Number.NaN, 0), losses(8, 1, 0), 0);
  expect(tooFewNoises(5, 8, broken)).toBeUndefined();
});
