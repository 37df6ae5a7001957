import { expect, it } from 'vitest';
import type { ResultRow } from '../protocol';
import { comparison, learnedAndClassic } from './results';

const row = (nfe: number, learned: boolean, mse: number): ResultRow => ({
  nfe,
  solver: 'x',
  spacing: 'y',
  learned,
  mse,
  mse_ci95: [mse, mse],
  fd: null,
  accuracy: null,
});

it('compares with the best classic solver of the same cost, also when it lost', () => {
  const results = [row(4, true, 0.2), row(5, false, 0.3), row(5, true, 0.1), row(5, false, 0.25), row(4, false, 0.1)];
  const [learned, classic] = learnedAndClassic(results, 5);
  expect([learned?.mse, classic?.mse]).toEqual([0.1, 0.25]);
  expect(comparison(learned!, classic!)).toBe('2.5 times lower than the best classic solver');
  const [worse, better] = learnedAndClassic(results, 4);
  expect(comparison(worse!, better!)).toBe('2.0 times higher than the best classic solver');
  expect(learnedAndClassic(results, 6)).toEqual([undefined, undefined]);
});
