import { describe, expect, it } from 'vitest';
import { cosine, discreteVp, linearBetas } from '../diffusion/discrete-vp';
import { edm } from '../diffusion/edm';
import { rectifiedFlow } from '../diffusion/rectified-flow';
import { spacing } from '../diffusion/spacing';
import { zeroTerminalSnr } from '../diffusion/zero-terminal-snr';
import { dpmMultistep } from './dpm-multistep';
import { heun } from './heun';
import { tableProblem } from './linear-form';
import { classicSolvers, classicTable, solverLabel, type ClassicSolver } from './registry';
import { rowOffset } from './table';

const schedules = { vp: cosine(1000), ve: edm(0.002, 80), flow: rectifiedFlow(3, 1000) };

describe.each(Object.entries(schedules))('classic tables in %s', (space, schedule) => {
  it.each([1, 2, 3, 4, 5, 8, 11])('are exact for a constant denoiser, at %d evaluations', (nfe) => {
    // Data c give the straight solution x(t) = α·c + (σ/σ_T)·(x_T − α_T·c); every consistent method is on it.
    const first = schedule.at(schedule.tMax);
    const last = schedule.at(schedule.tMin);
    const ratio = last.sigma / first.sigma;
    for (const choice of classicSolvers(nfe)) {
      const table = classicTable(schedule, choice, nfe);
      expect(table).toMatchObject({ nfe, space, prediction: 'data' });
      expect(table.times[0]).toBe(schedule.tMax);
      const row = table.weights.subarray(rowOffset(nfe - 1));
      const size = Math.max(1, ...row.map(Math.abs));
      const sum = row.reduce((total, weight) => total + weight, 0);
      expect(Math.abs(table.start[nfe]! - ratio)).toBeLessThan(1e-9 * size);
      expect(Math.abs(sum - (last.alpha - ratio * first.alpha))).toBeLessThan(1e-9 * size);
    }
  });
});

describe('classicSolvers', () => {
  it('lists what differs at a number of evaluations, over all spacings', () => {
    const names = (nfe: number): string[] => [...new Set(classicSolvers(nfe).map(solverLabel))];
    expect(names(1)).toEqual(['DDIM']);
    expect(names(3)).toEqual([
      'DDIM',
      'DPM-Solver++ 2M',
      'DPM-Solver++ 3M',
      'DPM-Solver 3M',
      'DEIS-3',
      'iPNDM-2',
      'iPNDM-3',
      'UniPC-2',
      'UniPC-3',
      'Heun',
    ]);
    expect(classicSolvers(5).length).toBe(12 * 4);
    expect(names(4)).toContain('iPNDM-4');
  });
});

describe('classicTable', () => {
  it('refuses orders and evaluations that do not exist', () => {
    const table =
      (choice: Partial<ClassicSolver>, nfe = 4) =>
      () =>
        classicTable(schedules.vp, { solver: 'ddim', order: 1, timestep_spacing: 'uniform', ...choice }, nfe);
    expect(table({ solver: 'dpmpp', order: 4 })).toThrow(
      'DPM-Solver++ multistep (data prediction) has orders 1 to 3, got 4',
    );
    expect(table({ solver: 'ipndm', order: 5 })).toThrow(
      'iPNDM, Adams–Bashforth of equal steps has orders 1 to 4, got 5',
    );
    expect(table({ solver: 'unipc', order: 0 })).toThrow('UniPC with its corrector has orders 1 to 4, got 0');
    expect(table({}, 0)).toThrow('at least 1, got 0');
    expect(table({ solver: 'euler_a' })).toThrow('There is no solver "euler_a"; there are ddim, dpmpp,');
    expect(table({ solver: 'unipc', order: 2, variant: 'bh3' })).toThrow('has the variants bh2, bh1, exact');
    expect(table({ solver: 'rk4' }, 6)).toThrow('4 a step, 1 for a step to σ = 0) cannot make 6; choose 4 or 8.');
  });

  it('takes an odd Heun table with an Euler step at its end', () => {
    const odd = classicTable(schedules.ve, { solver: 'heun', order: 2, timestep_spacing: 'karras' }, 5);
    const [t0, t1, t2] = spacing(schedules.ve, 'karras', 3);
    expect(Array.from(odd.times)).toEqual([t0, t1, t1, t2, t2]);
  });

  it('lowers the last orders of DPM-Solver++ below ten steps only', () => {
    const row = (nfe: number, lowerOrderFinal?: boolean): Float64Array => {
      const problem = tableProblem(schedules.ve, spacing(schedules.ve, 'logsnr', nfe));
      return dpmMultistep(problem, { order: 3, ...(lowerOrderFinal === undefined ? {} : { lowerOrderFinal }) }).weights;
    };
    expect(row(9)).toEqual(row(9, true));
    expect(row(10)).toEqual(row(10, false));
    expect(row(9, true)).not.toEqual(row(9, false));
  });
});

it('says which solvers cannot start without signal', () => {
  const schedule = discreteVp(zeroTerminalSnr(linearBetas(1e-4, 0.02, 1000)));
  const table = (solver: string) => () =>
    classicTable(schedule, { solver, order: 2, timestep_spacing: 'uniform' }, 4).weights.every(Number.isFinite);
  for (const solver of ['heun', 'dpm', 'dpm_singlestep', 'dpm2', 'pndm', 'rk4']) {
    expect(table(solver), solver).toThrow('cannot start where no signal is left (zero terminal SNR)');
  }
  for (const solver of ['ddim', 'dpmpp', 'unipc', 'deis', 'lms', 'ipndm']) expect(table(solver)(), solver).toBe(true);
});

describe('grids', () => {
  it('must fall and fit the method', () => {
    expect(() => tableProblem(schedules.ve, [80, 2, 2])).toThrow('time 2 does not (2)');
    expect(() => tableProblem(schedules.ve, [80])).toThrow('at least two times, got 1');
    const problem = tableProblem(schedules.ve, [80, 2, 0.1]);
    expect(() => heun(problem, 6)).toThrow('needs a grid of 3 steps, got 2');
  });
});
