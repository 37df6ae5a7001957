import { squaredErrors } from '../objective';
import type { Objective } from '../objective';

/** L2: the mean squared difference per element, ‖y_N − target‖²/dim. */
export const squared: Objective = {
  async losses({ table, states }, { targets, dim }) {
    return squaredErrors(states[table.nfe]!, targets, dim);
  },
  async gradient({ table, states }, { targets, dim }) {
    const samples = states[table.nfe]!;
    return {
      losses: squaredErrors(samples, targets, dim),
      rows: new Map([[table.nfe, samples.map((x, i) => (2 / dim) * (x - targets[i]!))]]),
    };
  },
  async squares({ table, states }, { targets, dim }) {
    const samples = states[table.nfe]!;
    const scale = 1 / Math.sqrt(dim);
    return {
      losses: squaredErrors(samples, targets, dim),
      width: dim,
      residuals: samples.map((x, i) => scale * (x - targets[i]!)),
      push: async (tangent) => tangent(table.nfe)?.map((v) => scale * v) ?? new Float32Array(samples.length),
    };
  },
};
