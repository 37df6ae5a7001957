import type { NoiseScheduleParameters } from '../../diffusion';
import { startNoiseScale } from '../../diffusion';
import { tableFromData } from '../../solvers/table';
import { networkTable } from '../network-table';
import { solverModel } from '../read-solver-file';
import type { SolverFile } from '../solver-file';

/**
 * `scheduler_config.json` of the class in s4s_scheduler.py: the tables in terms of the raw network, and the noise schedule
 * by diffusers' names, so that other schedulers can be made from this config.
 *
 * @throws RangeError for a table that cannot leave, see `networkTable`
 */
export function schedulerConfig(file: SolverFile): Readonly<Record<string, unknown>> {
  const model = solverModel(file);
  return {
    _class_name: 'S4SScheduler',
    prediction_type: model.predictionType,
    ...scheduleNames(model.parameters),
    init_noise_sigma: startNoiseScale(model.schedule),
    tables: file.solvers.map((solver) => {
      const table = networkTable(model, tableFromData(solver.table));
      return {
        num_inference_steps: table.nfe,
        timesteps: table.timesteps,
        c_in: table.cIn,
        c_skip: table.cSkip,
        c_out: table.cOut,
        alphas: table.alphas,
        sigmas: table.sigmas,
        start: table.start,
        weights: table.weights,
      };
    }),
    source: { model: file.model.path, model_sha256: file.model.sha256, run_id: file.run_id },
  };
}

/** Continuous VP schedules have no name in diffusers: nothing of theirs is written. */
function scheduleNames(schedule: NoiseScheduleParameters): Readonly<Record<string, unknown>> {
  switch (schedule.type) {
    case 'linear':
    case 'scaled_linear': {
      const { type: beta_schedule, beta_start, beta_end, num_train_timesteps } = schedule;
      return { num_train_timesteps, beta_schedule, beta_start, beta_end, ...rescaled(schedule) };
    }
    case 'cosine':
      return {
        num_train_timesteps: schedule.num_train_timesteps,
        beta_schedule: 'squaredcos_cap_v2',
        ...rescaled(schedule),
      };
    case 'trained_betas':
      return {
        num_train_timesteps: schedule.betas.length,
        trained_betas: schedule.betas,
        ...rescaled(schedule),
      };
    case 'edm':
      return { sigma_min: schedule.sigma_min, sigma_max: schedule.sigma_max, sigma_data: 0.5 };
    case 'flow':
      return { num_train_timesteps: schedule.num_train_timesteps, shift: schedule.shift };
    case 'vp':
    case 'vp_cosine':
      return {};
  }
}

function rescaled({ rescale_betas_zero_snr = false }: { readonly rescale_betas_zero_snr?: boolean }): {
  readonly rescale_betas_zero_snr: boolean;
} {
  return { rescale_betas_zero_snr };
}
