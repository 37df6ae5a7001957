import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { networkTime, type TimeConvention } from './network-time';

const conventions: readonly (readonly [TimeConvention, number, number])[] = [
  ['index', 500, 500],
  ['continuous', 0.5, 0.5],
  ['sigma', 5, 5],
  ['dpm_solver', 1, 999],
  ['score_sde', 1, 999],
  ['edm_c_noise', Math.exp(2), 0.5],
  ['flow', 0.25, 250],
  ['sit', 0.25, 0.75],
];

describe.each(conventions)('network time %s', (convention, t, expected) => {
  const map = networkTime(convention);

  it('hands out the published value', () => {
    expect(map.ofTime(t)).toBeCloseTo(expected, 12);
  });

  it('has its inverse and its derivative', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 100, noNaN: true }), (time) => {
        expect(map.timeOf(map.ofTime(time)) / time).toBeCloseTo(1, 11);
        const h = 1e-4 * time;
        const difference = (map.ofTime(time + h) - map.ofTime(time - h)) / (2 * h);
        expect(map.derivative(time) / difference).toBeCloseTo(1, 6);
      }),
    );
  });
});

it('refuses what has no meaning', () => {
  expect(() => networkTime('edm_c_noise').ofTime(0)).toThrow('must be above 0 to have a logarithm, got 0');
  expect(() => networkTime('flow', 1)).toThrow('num_train_timesteps must be a whole number of at least 2, got 1');
});
