import { describe, expect, it } from 'vitest';
import type { ExactSolution } from './case';
import { runExactSolution } from './exact-solutions';
import { gauss } from './models';

const xT = [0.3, -1.1, 0.8, -0.4];

/** Rectified flow on the Gaussian from no signal to no noise: x = αμ + √(α²s² + σ²)·x_T. */
const solution: ExactSolution = {
  schedule: 'rf',
  model: 'gauss',
  x_T_scale: 1,
  at: [0.6, 0.05, 0].map((sigma) => ({ label: `t=${sigma}`, alpha: 1 - sigma, sigma })),
  x: [0.6, 0.05, 0].flatMap((sigma) =>
    xT.map((x, i) => {
      const [alpha, mean, s] = [1 - sigma, gauss.means[0]![i % 2]!, gauss.std[i % 2]!];
      return alpha * mean + Math.hypot(alpha * s, sigma) * x;
    }),
  ),
};

describe('exact solutions', () => {
  it('are met by the adaptive solver', async () => {
    const result = await runExactSolution(solution, xT);
    expect(result).toMatchObject({ id: 'rf-gauss', passed: true, problem: null });
    expect(result.errors.samples).toBeLessThan(1e-10);
  });

  it('fail where one number is off, or one is missing', async () => {
    const wrong = solution.x.map((value, i) => (i === xT.length + 2 ? value + 1e-7 : value));
    expect((await runExactSolution({ ...solution, x: wrong }, xT)).passed).toBe(false);
    const missing = { ...solution, x: solution.x.slice(1) };
    expect((await runExactSolution(missing, xT)).passed).toBe(false);
  });

  it('say why they could not be run', async () => {
    const unknown = await runExactSolution({ ...solution, schedule: 'ipndm_cos' }, xT);
    expect(unknown.problem).toContain('The schedule ipndm_cos belongs to one program');
    const rising = await runExactSolution({ ...solution, at: solution.at.toReversed() }, xT);
    expect(rising.problem).toContain('noise levels σ/α that fall strictly');
  });
});
