import { describe, expect, it } from 'vitest';
import { gridPoint } from '../diffusion/grid-point';
import { ipndm } from './ipndm';
import { ipndmV } from './ipndm-v';
import type { RecordedTable, TableProblem } from './linear-form';
import { lms } from './lms';

const problemOf = (sigmas: readonly number[]): TableProblem => ({
  grid: sigmas.map((sigma) => gridPoint(sigma, 1, sigma)),
  prediction: 'noise',
  space: 've',
});
const uneven = problemOf([80, 24, 9.7, 2.5, 0.47, 0.1, 0.002]);
const even = problemOf([7, 6, 5, 4, 3, 2, 1, 0]);

function expectEqual(ours: RecordedTable, theirs: RecordedTable): void {
  ours.weights.forEach((weight, i) => expect(weight).toBeCloseTo(theirs.weights[i]!, 12));
}

describe('iPNDM-v', () => {
  it.each([1, 2])('of order %d is the exact variable-step method', (order) => {
    expectEqual(ipndmV(uneven, { order }), lms(uneven, { order }));
  });

  it.each([1, 2, 3])('of order %d is Adams–Bashforth on equal steps', (order) => {
    expectEqual(ipndmV(even, { order }), ipndm(even, order));
  });

  it('of order 4 has 11/24 of the third difference on equal steps, as published, where 3/8 is right', () => {
    const extra = 11 / 24 - 3 / 8;
    const [ours, theirs] = [ipndmV(even, { order: 4 }).weights, ipndm(even, 4).weights];
    // The fourth step, the first with four outputs: oldest first, and a step of −1.
    [-1, 3, -3, 1].forEach((difference, j) => {
      expect(ours[6 + j]! - theirs[6 + j]!).toBeCloseTo(-difference * extra, 12);
    });
  });

  it('has a sum of weights other than 1 at order 4 on uneven steps, as published', () => {
    const { weights } = ipndmV(uneven, { order: 4 });
    const moved = weights.slice(6, 10).reduce((sum, w) => sum + w, 0);
    expect(Math.abs(moved - (0.47 - 80))).toBeGreaterThan(1e-3);
  });
});
