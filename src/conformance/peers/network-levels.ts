import { trainingSigmas } from '../../diffusion/diffusers-grid';
import { gridPoint } from '../../diffusion/grid-point';
import { interpIndex } from '../../diffusion/numpy-grid';
import type { RecordedTable } from '../../solvers/linear-form';

/**
 * The table of a discrete model whose calls have the noise level of their timestep, by which the network goes: log σ̂ is
 * linear between training timesteps. Real-valued and rounded timesteps differ a little from the level σ̂ that diffusers'
 * scheduler goes by and scales the input for.
 */
export function atTimesteps(table: RecordedTable, betas: ArrayLike<number>): RecordedTable {
  const logSigmas = trainingSigmas(betas).map((sigma) => Math.log(sigma));
  const calls = table.calls.map((call) => {
    const level = Math.exp(interpIndex(call.t, logSigmas));
    const alpha = 1 / Math.sqrt(1 + level * level);
    const sigma = level * alpha;
    const scale = call.network ? call.network.alpha / call.alpha : 1;
    return gridPoint(call.t, alpha / scale, sigma / scale, call.network && { alpha, sigma });
  });
  return { ...table, calls };
}
