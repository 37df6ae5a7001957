import { describe, expect, it } from 'vitest';
import { TinyProject } from '../../test/support/tiny-run';
import { needSignal } from '../config/defaults';
import { noiseSchedule } from '../diffusion';
import { classicTable } from '../solvers/registry';
import { classicTables } from './classics';

const cosine = { type: 'cosine', num_train_timesteps: 1000 } as const;
const schedule = noiseSchedule(cosine);
const silent = noiseSchedule({ ...cosine, rescale_betas_zero_snr: true });

describe('classic solvers from a start without signal', () => {
  it.each([1, 4, 7])('at %i evaluations are those that solver.yaml allows there', (nfe) => {
    const { solvers, spacings } = needSignal;
    const names = (from: typeof schedule): string[] =>
      classicTables(from, nfe)
        .filter(({ choice }) => !solvers.includes(choice.solver as (typeof solvers)[number]))
        .filter(({ spacing }) => !spacings.includes(spacing as (typeof spacings)[number]))
        .map(({ solver, spacing }) => `${solver} ${spacing}`);
    expect(classicTables(silent, nfe).map(({ solver, spacing }) => `${solver} ${spacing}`)).toEqual(names(schedule));
    expect(names(silent).length).toBeGreaterThan(0);
  });

  it('carry a constant data prediction exactly', () => {
    const end = silent.at(silent.tMin);
    for (const { table } of classicTables(silent, 5)) {
      const last = table.weights.slice(-table.nfe);
      // From x_T = σ_T·ε with data x₀ everywhere: α_end·x₀ + σ_end·ε.
      expect(table.start.at(-1)).toBeCloseTo(end.sigma, 10);
      expect(last.reduce((sum, weight) => sum + weight)).toBeCloseTo(end.alpha, 10);
    }
  });

  it('are not those that solver.yaml refuses', () => {
    for (const solver of needSignal.solvers) {
      const choice = { solver, order: 2, timestep_spacing: 'uniform' } as const;
      expect(() => classicTable(silent, choice, 6)).toThrow(RangeError);
    }
    for (const timestep_spacing of needSignal.spacings) {
      expect(() => classicTable(silent, { solver: 'ddim', order: 1, timestep_spacing }, 6)).toThrow('some signal');
    }
  });
});

describe('a run from a start without signal', () => {
  it.each(['table', 's4s', 's4s-alt'])('learns with method %s', async (method) => {
    const project = new TinyProject({
      schedule: 'type: trained_betas, betas: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], rescale_betas_zero_snr: true',
      student: `method: ${method}, num_inference_steps: 3`,
      training: 'iterations: 8',
    });
    const { status } = await project.run('run');
    expect(status).toBe('done');
    const { results } = JSON.parse(project.read('run', 'report.json')) as {
      results: { learned: boolean; mse: number }[];
    };
    const best = Math.min(...results.filter(({ learned }) => !learned).map(({ mse }) => mse));
    expect(results.find(({ learned }) => learned)?.mse).toBeLessThan(best);
  });
});
