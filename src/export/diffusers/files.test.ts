import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { noiseSchedule } from '../../diffusion';
import type { NoiseScheduleParameters } from '../../diffusion';
import { classicTable } from '../../solvers/registry';
import { tableToData } from '../../solvers/table';
import type { SolverFile } from '../solver-file';
import { diffusersFiles } from './files';

const demo = JSON.parse(readFileSync('test/data/export/demo-solver.json', 'utf8')) as SolverFile;

const textOf = (file: SolverFile, name: string): string =>
  diffusersFiles(file).find((entry) => entry.name === name)!.text;

function configOf(schedule: NoiseScheduleParameters): Record<string, unknown> {
  const table = classicTable(noiseSchedule(schedule), { solver: 'ddim', order: 1, timestep_spacing: 'uniform' }, 3);
  const file: SolverFile = {
    ...demo,
    model: { ...demo.model, noise_schedule: schedule },
    solvers: [{ ...demo.solvers[0]!, table: tableToData(table) }],
  };
  return JSON.parse(textOf(file, 'scheduler_config.json')) as Record<string, unknown>;
}

describe('diffusersFiles', () => {
  it('ships the scheduler as it is in the source', () => {
    expect(diffusersFiles(demo).map(({ name }) => name)).toEqual([
      's4s_scheduler.py',
      'scheduler_config.json',
      'README.md',
    ]);
    expect(textOf(demo, 's4s_scheduler.py')).toBe(readFileSync('src/export/diffusers/s4s_scheduler.py', 'utf8'));
  });

  it('has a table for each number of evaluations, and where it comes from', () => {
    const config = JSON.parse(textOf(demo, 'scheduler_config.json')) as {
      tables: { num_inference_steps: number; timesteps: number[]; weights: number[][] }[];
      source: unknown;
    };
    expect(config.tables.map((table) => table.num_inference_steps)).toEqual([3, 5]);
    expect(config.tables[1]!.timesteps).toEqual(demo.solvers[1]!.table.times);
    expect(config.tables[1]!.weights).toEqual(demo.solvers[1]!.table.rows);
    expect(config.source).toEqual({
      model: 'unet.onnx',
      model_sha256: demo.model.sha256,
      run_id: demo.run_id,
    });
  });

  const betas = [0.1, 0.2, 0.3, 0.4];
  it.each<[NoiseScheduleParameters, Record<string, unknown>]>([
    [
      { type: 'linear', beta_start: 1e-4, beta_end: 0.02, num_train_timesteps: 500 },
      { beta_schedule: 'linear', beta_start: 1e-4, beta_end: 0.02, num_train_timesteps: 500, init_noise_sigma: 1 },
    ],
    [
      { type: 'cosine', num_train_timesteps: 100, rescale_betas_zero_snr: true },
      { beta_schedule: 'squaredcos_cap_v2', num_train_timesteps: 100, rescale_betas_zero_snr: true },
    ],
    [
      { type: 'trained_betas', betas },
      { trained_betas: betas, num_train_timesteps: 4 },
    ],
    [
      { type: 'flow', shift: 3, num_train_timesteps: 1000 },
      { shift: 3, num_train_timesteps: 1000, init_noise_sigma: 1 },
    ],
    [
      { type: 'edm', sigma_min: 0.01, sigma_max: 50 },
      { sigma_min: 0.01, sigma_max: 50, sigma_data: 0.5, init_noise_sigma: 50 },
    ],
    [{ type: 'vp', beta_min: 0.1, beta_max: 20, t_eps: 1e-3, time_scale: 999 }, { init_noise_sigma: 1 }],
    [{ type: 'vp_cosine', t_eps: 1e-3, t_max: 0.99, time_scale: 1 }, { init_noise_sigma: 1 }],
  ])('names the schedule %j as diffusers does', (schedule, expected) => {
    expect(configOf(schedule)).toMatchObject({ _class_name: 'S4SScheduler', prediction_type: 'sample', ...expected });
  });

  it('says in README.md how to load it, what was learned and whom to cite', () => {
    const readme = textOf(demo, 'README.md');
    expect(readme).toContain('pipe.scheduler = S4SScheduler.from_pretrained("path/to/this/folder")');
    expect(readme).toContain('num_inference_steps=3, guidance_scale=2');
    expect(readme).toContain('"scheduler": ["s4s_scheduler", "S4SScheduler"]');
    expect(readme).toContain(demo.model.sha256);
    expect(readme).toContain('for this model at guidance scale 2 and with 3 or 5 steps');
    for (const { test_mse: error } of demo.solvers) expect(readme).toContain(`| ${error!.toPrecision(3)} |`);
    for (const paper of demo.cite) expect(readme).toContain(`- ${paper}`);
  });

  it('says so in README.md where there is no guidance, nothing was measured, or nothing better was found', () => {
    const [first] = demo.solvers;
    const readme = textOf(
      {
        ...demo,
        model: { ...demo.model, conditioning: { guidance_scale: 1 } },
        solvers: [{ ...first!, learned: false, test_mse: null, test_mse_ci95: null }],
      },
      'README.md',
    );
    expect(readme).toContain('num_inference_steps=3).images');
    expect(readme).toContain('without guidance and with 3 steps');
    expect(readme).toContain(
      '| classic (no learned table was better) | DEIS-3, karras times | not measured | not measured |',
    );
  });
});
