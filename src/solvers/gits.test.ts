import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gitsCosts, gitsSelect } from './gits';

/** The cost of a way by the definition: γ^k weighs the k-th step. */
function costOf(costs: Float64Array, m: number, way: readonly number[], gamma: number): number {
  return way.slice(1).reduce((sum, to, k) => sum + gamma ** k * costs[way[k]! * m + to]!, 0);
}

function* ways(m: number, steps: number, from = 0): Generator<number[]> {
  if (steps === 1) {
    yield [from, m - 1];
    return;
  }
  for (let next = from + 1; next < m - 1; next++) {
    for (const rest of ways(m, steps - 1, next)) yield [from, ...rest];
  }
}

describe('GITS', () => {
  it('finds the cheapest way of all', () => {
    const problem = fc.integer({ min: 3, max: 8 }).chain((m) =>
      fc.record({
        m: fc.constant(m),
        steps: fc.integer({ min: 1, max: m - 1 }),
        gamma: fc.double({ min: 0.8, max: 1.2, noNaN: true }),
        costs: fc.float64Array({ minLength: m * m, maxLength: m * m, min: -1, max: 5, noNaN: true }),
      }),
    );
    fc.assert(
      fc.property(problem, ({ m, steps, gamma, costs }) => {
        const chosen = gitsSelect(costs, steps, gamma);
        expect(chosen).toHaveLength(steps + 1);
        const best = Math.min(...Array.from(ways(m, steps), (way) => costOf(costs, m, way, gamma)));
        expect(costOf(costs, m, chosen, gamma)).toBeCloseTo(best, 10);
      }),
    );
    expect(() => gitsSelect(new Float64Array(9), 3)).toThrow('A teacher grid of 3 points has no choice of 3 steps');
  });

  it('finds that an Euler step along a straight path costs nothing, and one off it what it is off', () => {
    const sigmas = [4, 2, 1];
    const line = {
      sigmas,
      states: [
        [4, 8],
        [2, 4],
        [1, 2],
      ],
      noises: [
        [1, 2],
        [1, 2],
      ],
      dim: 2,
    };
    for (const metric of ['dev', 'l1', 'l2'] as const) {
      expect(Math.max(...gitsCosts(line, metric).map(Math.abs))).toBeLessThan(1e-12);
    }
    const bent = {
      ...line,
      noises: [
        [1, 2],
        [1, 5],
      ],
    };
    expect(gitsCosts(bent, 'l1')[1 * 3 + 2]).toBeCloseTo(3, 12);
    expect(gitsCosts(bent, 'l2')[1 * 3 + 2]).toBeCloseTo(3, 12);
    // From (2, 4) by −1·(1, 5) to (1, −1): its distance from the line through (4, 8) and (1, 2).
    expect(gitsCosts(bent, 'dev')[1 * 3 + 2]).toBeCloseTo(3 / Math.sqrt(5), 12);
  });
});
