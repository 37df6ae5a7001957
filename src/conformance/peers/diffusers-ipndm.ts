import * as z from 'zod';
import { gridPoint } from '../../diffusion/grid-point';
import { linspace } from '../../diffusion/numpy-grid';
import { ipndm } from '../../solvers/ipndm';
import type { RecordedTable } from '../../solvers/linear-form';
import { rowOffset } from '../../solvers/table';
import type { Peers } from './peer';

const parameters = z.strictObject({ steps: z.int().min(1) });

/** diffusers' iPNDM: order 4 on a velocity network and a schedule of its own, α = cos φ and σ = sin φ = sin²(πu/2). */
export const diffusersIpndmPeers: Peers = {
  'diffusers IPNDMScheduler': ({ params }) => {
    const { steps } = parameters.parse(params);
    const grid = linspace(1, 0, steps + 1).map((u) => {
      const sigma = Math.sin((u * Math.PI) / 2) ** 2;
      const alpha = Math.sqrt(1 - sigma * sigma);
      return gridPoint((Math.atan2(sigma, alpha) / Math.PI) * 2, alpha, sigma);
    });
    const table = ipndm({ grid, prediction: 'velocity', space: 'vp' }, 4);
    return {
      table: withoutFirstOutput(table),
      startScale: 1,
      grid: { timesteps: table.times },
    };
  },
};

/**
 * The table with D_0 taken as 0. At its start, where α = 0, the program has the data from (x − σE)/1e-8, which is 0, and
 * not from the network; the predicted noise is the state itself.
 */
function withoutFirstOutput(table: RecordedTable): RecordedTable {
  const weights = table.weights.slice();
  for (let k = 0; k < table.nfe; k++) weights[rowOffset(k)] = 0;
  return { ...table, weights };
}
