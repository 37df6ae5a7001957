import { describe, expect, it } from 'vitest';
import { rectifiedFlow } from './rectified-flow';
import { pointsOfGrid, withEnds } from './schedule-ends';
import { spacing, spacingNames } from './spacing';
import { vpLinear } from './vp-linear';

describe('other ends of a schedule', () => {
  it.each(spacingNames)('%s goes from one to the other', (name) => {
    for (const [schedule, tStart, tEnd] of [
      [vpLinear(), 0.9, 0.01],
      [rectifiedFlow(3, 1000), 990, 20],
    ] as const) {
      const times = spacing(withEnds(schedule, { tStart, tEnd }), name, 5);
      expect([times[0], times[5]]).toEqual([tStart, tEnd]);
      expect(times.every((t, i) => i === 0 || t < times[i - 1]!)).toBe(true);
    }
  });

  it('keep the bend of a shifted flow', () => {
    const schedule = rectifiedFlow(3, 1000);
    const times = spacing(schedule, 'uniform', 4);
    const part = spacing(withEnds(schedule, { tStart: times[1]!, tEnd: times[3]! }), 'uniform', 2);
    expect(part[1]).toBeCloseTo(times[2]!, 9);
  });

  it('are those of the schedule by default, and must fit it', () => {
    const schedule = vpLinear();
    expect(spacing(withEnds(schedule, {}), 'uniform', 3)).toEqual(spacing(schedule, 'uniform', 3));
    expect(() => withEnds(schedule, { tEnd: 1e-4 })).toThrow('does not fit the noise schedule');
    expect(() => withEnds(schedule, { tStart: 0.1, tEnd: 0.1 })).toThrow('from t = 0.1 to 0.1 does not fit');
  });
});

describe('the final step', () => {
  const schedule = vpLinear();
  it('keeps, replaces or follows the last point', () => {
    const of = (final: 'keep' | 'jump' | 'append'): number[] =>
      pointsOfGrid(schedule, [1, 0.5, 0.001], final).map(({ lambda }) => lambda);
    const [start, middle, end] = of('keep') as [number, number, number];
    expect(of('jump')).toEqual([start, middle, Infinity]);
    expect(of('append')).toEqual([start, middle, end, Infinity]);
  });
});
