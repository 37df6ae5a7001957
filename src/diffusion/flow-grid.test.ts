import { describe, expect, it } from 'vitest';
import { flowGrid, type FlowGridOptions } from './flow-grid';

/** Expected values: diffusers 0.42 with its float32 read as float64. */
function expectGrid(options: FlowGridOptions, timesteps: readonly number[], sigmas: readonly number[]): void {
  const grid = flowGrid(options);
  expect(grid.timesteps).toHaveLength(timesteps.length);
  expect(grid.sigmas).toHaveLength(sigmas.length);
  for (const [i, t] of timesteps.entries()) expect(grid.timesteps[i]).toBeCloseTo(t, 9);
  for (const [i, sigma] of sigmas.entries()) expect(grid.sigmas[i]).toBeCloseTo(sigma, 13);
}

describe('flow grids of diffusers', () => {
  it('shift by the resolution, exponentially and linearly', () => {
    expectGrid(
      { steps: 4, family: 'flow-match', mu: 1.15 },
      [1000, 863.4974390640419, 612.9789050960054, 3.1513915986858274],
      [1, 0.863497439064042, 0.6129789050960054, 0.0031513915986858274, 0],
    );
    expectGrid(
      { steps: 3, family: 'flow-match', mu: 1.15, timeShift: 'linear', shiftTerminal: 0.1 },
      [1000, 581.3617654582237, 100],
      [1, 0.5813617654582237, 0.1, 0],
    );
  });

  it('shift the lower end twice in flow matching', () => {
    const twice = (s: number): number => (3 * s) / (1 + 2 * s);
    expect(flowGrid({ steps: 3, shift: 3, family: 'flow-match' }).sigmas[2]).toBeCloseTo(twice(twice(0.001)), 15);
  });

  it('lay a ramp over the shifted ends', () => {
    expectGrid(
      { steps: 3, shift: 3, family: 'flow-match', sigmas: 'beta' },
      [1000, 504.46428571428584, 8.92857142857143],
      [1, 0.5044642857142858, 0.00892857142857143, 0],
    );
  });

  it('cut the timesteps of the multistep programs', () => {
    expectGrid(
      { steps: 3, family: 'unipc', mu: 0.8 },
      [999, 816, 527],
      [0.999999, 0.8167748208066345, 0.5274352470134254, 0],
    );
    expectGrid(
      { steps: 3, family: 'multistep', shift: 3, finalSigma: 'last' },
      [999, 856, 599],
      [0.9996664442961973, 0.8567753001715267, 0.5996398559423769, 0.5996398559423769],
    );
  });

  it('take levels of a pipeline instead of their own', () => {
    expectGrid({ steps: 2, family: 'flow-match', shift: 3, given: [1, 0.5] }, [1000, 750], [1, 0.75, 0]);
  });

  it('say what is wrong', () => {
    expect(() => flowGrid({ steps: 2, shift: 0, family: 'flow-match' })).toThrow('shift must be above 0, got 0');
    expect(() => flowGrid({ steps: 0, family: 'flow-match' })).toThrow('whole number of steps');
    expect(() => flowGrid({ steps: 1, family: 'flow-match', shiftTerminal: 0.1 })).toThrow('at least 2 steps');
  });
});
