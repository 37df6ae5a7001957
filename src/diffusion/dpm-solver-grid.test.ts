import { describe, expect, it } from 'vitest';
import { discreteVpLogAlpha, linearBetas } from './discrete-vp';
import { discreteTime, dpmSolverGrid, ownTime } from './dpm-solver-grid';
import { vpLinear } from './vp-linear';

describe('grids of the DPM-Solver and UniPC programs', () => {
  const discrete = discreteTime(discreteVpLogAlpha(linearBetas(1e-4, 0.02, 1000)));

  it('end at index 0 of a discrete model and start at its last index', () => {
    for (const skipType of ['time_uniform', 'time_quadratic', 'logSNR'] as const) {
      const grid = dpmSolverGrid(discrete, skipType, 5);
      expect(grid).toHaveLength(6);
      expect(discrete.point(grid[0]!).t).toBeCloseTo(999, 8);
      expect(discrete.point(grid[5]!).t).toBeCloseTo(0, 8);
    }
  });

  it('are even in the time, its root and λ', () => {
    const time = ownTime(vpLinear());
    expect(dpmSolverGrid(time, 'time_uniform', 2)[1]).toBeCloseTo(0.5005, 15);
    expect(Math.sqrt(dpmSolverGrid(time, 'time_quadratic', 2)[1]!)).toBeCloseTo((1 + Math.sqrt(1e-3)) / 2, 15);
    const grid = dpmSolverGrid(discrete, 'logSNR', 4).map((t) => discrete.lambda(t));
    for (let i = 1; i < 5; i++) expect(grid[i]! - grid[i - 1]!).toBeCloseTo((grid[4]! - grid[0]!) / 4, 12);
  });

  it('hand a discrete model a real-valued index and take other ends', () => {
    expect(discrete.point(0.5).t).toBeCloseTo(499, 10);
    expect(dpmSolverGrid(discrete, 'time_uniform', 2, { tStart: 0.8, tEnd: 0.2 })).toEqual([0.8, 0.5, 0.2]);
    expect(discrete.timeOfLambda(discrete.lambda(0.3217))).toBeCloseTo(0.3217, 13);
  });
});
