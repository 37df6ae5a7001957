import { describe, expect, it } from 'vitest';
import type { ResultRow } from './report';
import { formatEta, formatLoss, formatRatio, outcomes, percent } from './wording';

const row = (nfe: number, solver: string, mse: number, learned = false): ResultRow => ({
  nfe,
  solver,
  spacing: 'logsnr',
  learned,
  mse,
  mse_ci95: [mse * 0.9, mse * 1.1],
  fd: null,
  accuracy: null,
});

describe('wording', () => {
  it('rounds the remaining time up, in steps a person can follow', () => {
    expect([0, 4_100, 31_000, 61_000, 3_600_000, 3_900_000].map(formatEta)).toEqual([
      'under 5 s left',
      '5 s left',
      '35 s left',
      '2 min left',
      '1 h left',
      '1 h 5 min left',
    ]);
  });

  it('never says 100 % before the end', () => {
    expect(percent(0.999)).toBe(99);
    expect(percent(1)).toBe(100);
    expect(percent(-0.1)).toBe(0);
  });

  it('shows losses with two significant digits', () => {
    const losses = [0.00648, 0.06, 1, 99.7, 1234.5, 0, 0.0000321];
    expect(losses.map(formatLoss)).toEqual(['0.0065', '0.060', '1.0', '100', '1235', '0', '3.2e-5']);
  });

  it('pairs each learned solver with the best classic of its own cost', () => {
    const results = [
      row(5, 'learned', 0.0065, true),
      row(5, 'ddim', 0.2),
      row(5, 'dpmpp', 0.026),
      row(8, 'unipc', 0.001),
      row(3, 'learned', 0.1, true),
    ];
    const report = {
      teacher: {
        solver: 'unipc',
        num_inference_steps: 20,
        self_mse: 1e-4,
        self_mse_ci95: null,
        accuracy: null,
        fd: null,
      },
      solvers: [],
      results,
    };
    const [three, five] = outcomes(report);
    expect(three).toMatchObject({ classic: null, ratio: null });
    expect(five?.classic?.solver).toBe('dpmpp');
    expect(formatRatio(five?.ratio ?? 0)).toBe('4.0× better');
    expect(formatRatio(0.5)).toBe('2.0× worse');
  });
});
