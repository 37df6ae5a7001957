import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { edm } from '../diffusion/edm';
import { cleanPoint } from '../diffusion/grid-point';
import { rectifiedFlow } from '../diffusion/rectified-flow';
import { vpLinear } from '../diffusion/vp-linear';
import { ddim } from '../solvers/ddim';
import { tableProblem } from '../solvers/linear-form';
import { classicTable } from '../solvers/registry';
import { rowOffset, type SolverTable } from '../solvers/table';
import { unipc } from '../solvers/unipc';
import { consistentTable, freeTable } from './free-table';
import { fromPureNoise, noiseOf, pullbackError, tableDistance } from './testing/check-parameterisation';

const schedules = { vp: vpLinear(), edm: edm(0.002, 80), flow: rectifiedFlow(3, 1000), fromPureNoise };
const { vp } = schedules;
const heun = classicTable(vp, { solver: 'heun', order: 2, timestep_spacing: 'logsnr' }, 5);

describe.each([
  ['vp', 'data'],
  ['vp', 'noise'],
  ['vp', 'velocity'],
  ['edm', 'data'],
  ['flow', 'velocity'],
  ['flow', 'data'],
  ['fromPureNoise', 'data'],
] as const)('the free table, %s, %s', (space, output) => {
  const of = schedules[space];

  it('starts at any table, and knows its derivative', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.boolean(), fc.nat(), (n, consistent, seed) => {
        const times = Array.from({ length: n + 1 }, (_, i) => of.gridTime((i + 0.5) / (n + 1)));
        const start = unipc(tableProblem(of, [...times.slice(0, n), of.tMin], output), { order: 3 });
        const p = (consistent ? consistentTable : freeTable)(of, start)!;
        expect(p.size).toBe(consistent ? rowOffset(n) : 2 * n + rowOffset(n));
        expect(tableDistance(p.table(p.initial), start)).toBeLessThan(1e-12);
        const moves = noiseOf(seed, p.size);
        const theta = p.project(p.initial.map((value, i) => value + 0.02 * moves[i]!));
        expect(pullbackError(p, theta, noiseOf(seed + 1, 2 * n + rowOffset(n)))).toBeLessThan(1e-7);
      }),
      { seed: 5, numRuns: 12 },
    );
  });
});

describe('freeTable', () => {
  it('takes starts whose stages share a level, that end without noise, and that no theory knows', () => {
    const clean = unipc(tableProblem(vp, [1, 0.6, 0.2], 'data', [cleanPoint]), { order: 2 });
    const random: SolverTable = {
      ...heun,
      weights: noiseOf(3, heun.weights.length),
      start: noiseOf(4, 6).fill(1, 0, 1),
    };
    for (const [start, toZero] of [
      [heun, false],
      [clean, true],
      [random, false],
    ] as const) {
      const p = freeTable(vp, start, { toZero });
      expect(tableDistance(p.table(p.initial), start)).toBeLessThan(1e-12);
    }
  });

  it('moves every entry: its Jacobian has full rank where times meet', () => {
    const p = freeTable(vp, heun);
    const jacobian = p.jacobian(p.initial);
    const entries = Array.from({ length: p.size }, (_, i) =>
      Array.from(jacobian.subarray(i * p.size, (i + 1) * p.size)),
    );
    expect(rank(entries)).toBe(p.size);
  });

  it('keeps network times inside the schedule, and in order on request', () => {
    const start = ddim(tableProblem(vp, [1, 0.7, 0.4, 0.1, vp.tMin]));
    const firstTime = 14;
    const moves = fc.array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(moves, fc.boolean(), (by, monotone) => {
        const p = freeTable(vp, start, { monotone });
        const theta = p.initial.map((value, i) => value + (by[i - firstTime] ?? 0));
        const { times } = p.table(p.project(theta));
        expect(times.every((t) => t >= vp.tMin && t <= vp.tMax)).toBe(true);
        if (monotone) times.slice(1).forEach((t, i) => expect(t).toBeLessThanOrEqual(times[i]!));
        expect([...p.project(p.project(theta))]).toEqual([...p.project(theta)]);
      }),
      { seed: 6, numRuns: 100 },
    );
  });

  it('moves times to the nearest order, not to the first', () => {
    const start = ddim(tableProblem(vp, [1, 0.7, 0.4, 0.1, vp.tMin]));
    const p = freeTable(vp, start, { monotone: true });
    const theta = p.initial.slice();
    theta.set([-4, 2, 0, 3], 14);
    expect([...p.project(theta).subarray(14)]).toEqual([-4, 1, 1, 3]);
  });
});

describe('consistentTable', () => {
  it('solves a model of constant data exactly, whatever its parameters', () => {
    const start = classicTable(vp, { solver: 'unipc', order: 3, timestep_spacing: 'logsnr' }, 5);
    const p = consistentTable(vp, start)!;
    const [from, to] = [vp.at(vp.tMax), vp.at(vp.tMin)];
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const moves = noiseOf(seed, p.size);
        const { start: starts, weights } = p.table(p.project(p.initial.map((value, i) => value + moves[i]!)));
        // x₀ = 1 everywhere: x_N = (σ_N/σ_T)·(x_T − α_T) + α_N
        const sum = weights.subarray(rowOffset(4)).reduce((total, w) => total + w, 0);
        expect(starts[5]).toBeCloseTo(to.sigma / from.sigma, 12);
        expect(sum).toBeCloseTo(to.alpha - (to.sigma / from.sigma) * from.alpha, 12);
      }),
      { seed: 7, numRuns: 50 },
    );
  });

  it('is not there for a start that is none', () => {
    expect(consistentTable(vp, { ...heun, start: heun.start.map((s, k) => (k === 0 ? s : 1.01 * s)) })).toBeUndefined();
    expect(consistentTable(vp, { ...heun, weights: heun.weights.map((w) => 1.01 * w) })).toBeUndefined();
  });
});

/** Rank by elimination with full rows scaled to one. */
function rank(rows: readonly (readonly number[])[]): number {
  const left = rows.map((row) => {
    const size = Math.max(...row.map(Math.abs));
    return row.map((value) => value / size);
  });
  let found = 0;
  for (let column = 0; column < rows.length; column++) {
    const pivot = left
      .slice(found)
      .reduce((best, row, i) => (Math.abs(row[column]!) > Math.abs(left[best]![column]!) ? found + i : best), found);
    if (Math.abs(left[pivot]![column]!) < 1e-9) continue;
    [left[found], left[pivot]] = [left[pivot]!, left[found]!];
    for (let i = found + 1; i < left.length; i++) {
      const factor = left[i]![column]! / left[found]![column]!;
      left[i] = left[i]!.map((value, c) => value - factor * left[found]![c]!);
    }
    found++;
  }
  return found;
}
