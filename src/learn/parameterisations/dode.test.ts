import { describe, expect, it } from 'vitest';
import { edm } from '../../diffusion/edm';
import { cleanPoint, pointAt } from '../../diffusion/grid-point';
import { karrasRamp } from '../../diffusion/sigma-ramps';
import { vpLinear } from '../../diffusion/vp-linear';
import { ddim } from '../../solvers/ddim';
import { heun } from '../../solvers/heun';
import { tableProblem, type TableProblem } from '../../solvers/linear-form';
import { sample } from '../../solvers/sampler';
import { rowOffset, tableEntries } from '../../solvers/table';
import { analyticMixture } from '../../solvers/testing/analytic-mixture';
import { noiseOf, pullbackError, tableDistance } from '../testing/check-parameterisation';
import { dode } from './dode';
import { fitRows } from './fit-rows';

const schedule = edm(0.002, 80);
const problemOf = (n: number, prediction: 'data' | 'noise' = 'data'): TableProblem => ({
  grid: [...karrasRamp(n, 0.002, 80).map((sigma) => pointAt(schedule, sigma)), cleanPoint],
  prediction,
  space: 've',
});
const vp = vpLinear();
const problems = [
  problemOf(4),
  problemOf(4, 'noise'),
  tableProblem(vp, [1, 0.6, 0.3, 0.1, 0.001], 'data'),
  tableProblem(vp, [1, 0.6, 0.3, 0.1, 0.001], 'noise', [cleanPoint]),
];

describe('D-ODE', () => {
  it.each(problems.map((problem, i) => [i, problem] as const))('starts at DDIM and Heun (%i)', (_, problem) => {
    const steps = problem.grid.length - 1;
    const euler = dode(problem);
    expect(euler.size).toBe(steps - 1);
    expect(tableDistance(euler.table(euler.initial), ddim(problem))).toBeLessThan(1e-12);
    const nfe = 2 * steps - (problem.grid.at(-1)!.sigma === 0 ? 1 : 0);
    const second = dode(problem, 'heun');
    expect(second.size).toBe(nfe - 1);
    expect(tableDistance(second.table(second.initial), heun(problem, nfe))).toBeLessThan(1e-12);
  });

  it.each(['euler', 'heun'] as const)('on %s has the derivative of its table', (base) => {
    for (const [seed, problem] of problems.entries()) {
      const p = dode(problem, base);
      const { nfe } = p.table(p.initial);
      expect(pullbackError(p, noiseOf(seed, p.size), noiseOf(seed + 9, tableEntries(nfe).length))).toBeLessThan(1e-7);
    }
  });
});

describe('fitRows', () => {
  const denoiser = analyticMixture(schedule, {
    means: [
      [1, 0.2],
      [-0.4, 0.9],
      [-0.3, -1],
    ],
    std: 0.15,
  });
  const count = 24;
  const starts = Float32Array.from(noiseOf(5, 2 * count), (value) => 80 * 1.7 * value);
  const conditions = new Int32Array(count);

  it.each(['euler', 'heun'] as const)(
    'brings each row of %s as near to the teacher as its scalar can',
    async (base) => {
      const n = 5;
      const problem = problemOf(n);
      const p = dode(problem, base);
      // The teacher makes twenty Euler steps of each of ours; both of Heun's rows are meant for the end of a step.
      const fine = karrasRamp(20 * (n - 1) + 1, 0.002, 80).map((sigma) => pointAt(schedule, sigma));
      const teacher = ddim({ ...problem, grid: [...fine, cleanPoint] });
      const { states } = await sample(denoiser, teacher, starts, conditions);
      const ends = Array.from({ length: n }, (_, i) => states[i === n - 1 ? teacher.nfe : 20 * (i + 1)]!);
      const targets = base === 'euler' ? ends : ends.flatMap((end, i) => (i === n - 1 ? [end] : [end, end]));

      const { theta } = await fitRows(denoiser, p, { starts, conditions, targets });

      /** Squared error of row k + 1 if the scalars before it stay, and its own is moved. */
      const error = async (k: number, move: number): Promise<number> => {
        const moved = theta.map((value, i) => (i === k - 1 ? value + move : i < k ? value : 0));
        const run = await sample(denoiser, p.table(moved), starts, conditions);
        return run.states[k + 1]!.reduce((sum, y, i) => sum + (y - targets[k]![i]!) ** 2, 0);
      };
      for (let k = 1; k < targets.length; k++) {
        const best = await error(k, 0);
        const step = 0.02 * Math.max(1, Math.abs(theta[k - 1]!));
        expect(best).toBeLessThanOrEqual(await error(k, step));
        expect(best).toBeLessThanOrEqual(await error(k, -step));
      }
      const plain = await sample(denoiser, p.table(p.initial), starts, conditions);
      const fitted = await sample(denoiser, p.table(theta), starts, conditions);
      const end = (run: typeof plain): number =>
        run.states.at(-1)!.reduce((sum, y, i) => sum + (y - targets.at(-1)![i]!) ** 2, 0);
      if (base === 'euler') expect(end(fitted)).toBeLessThan(0.5 * end(plain));
    },
  );

  it('recovers the scalars of a teacher that has them, and needs a target for each row', async () => {
    const p = dode(problemOf(4));
    const scalars = Float64Array.of(0.7, -0.4, 0.2);
    const table = p.table(scalars);
    const { states } = await sample(denoiser, table, starts, conditions);
    const { theta } = await fitRows(denoiser, p, { starts, conditions, targets: states.slice(1) });
    theta.forEach((value, i) => expect(value).toBeCloseTo(scalars[i]!, 3));
    expect(table.weights).toHaveLength(rowOffset(4));
    const short = { starts, conditions, targets: states.slice(2) };
    await expect(fitRows(denoiser, p, short)).rejects.toThrow('a target for each of the 4 rows, got 3');
  });
});
