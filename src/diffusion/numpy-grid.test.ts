import { describe, expect, it } from 'vitest';
import { arange, interpIndex, linspace, roundHalfEven } from './numpy-grid';

describe('grids as numpy makes them', () => {
  it('linspace has both ends exactly, and one value is the start', () => {
    expect(linspace(0.1, 0.7, 4).map((value) => value.toFixed(15))).toEqual(
      [0.1, 0.3, 0.5, 0.7].map((value) => value.toFixed(15)),
    );
    expect(linspace(1, 1e-3, 7).at(-1)).toBe(1e-3);
    expect(linspace(3, 5, 1)).toEqual([3]);
  });

  it('arange leaves the stop out', () => {
    expect(arange(1000, 0, -250)).toEqual([1000, 750, 500, 250]);
    expect(arange(1000, 0, -1000 / 3)).toHaveLength(3);
    expect(arange(0, 1, -1)).toEqual([]);
  });

  it('halves round to the even neighbour', () => {
    expect([937.5, 812.5, 0.5, 1.5, -1.5, 2.4999, 2.5001].map(roundHalfEven)).toEqual([938, 812, 0, 2, -2, 2, 3]);
  });

  it('interpolates linearly and stays constant beyond the ends', () => {
    expect([-1, 0, 0.25, 1.5, 2, 9].map((x) => interpIndex(x, [0, 4, 6]))).toEqual([0, 0, 1, 5, 6, 6]);
  });
});
