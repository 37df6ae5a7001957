import * as z from 'zod';
import { analyticFirstStep } from '../../solvers/analytic-first-step';
import { ddim } from '../../solvers/ddim';
import { heun } from '../../solvers/heun';
import type { RecordedTable, TableProblem } from '../../solvers/linear-form';
import { diffSamplerGridParams, diffSamplerSigmas } from './diff-sampler-grid';
import { edmPoints } from './k-diffusion-grid';
import type { PeerRun, Peers, PeerSettings } from './peer';

const params = z.strictObject({
  ...diffSamplerGridParams,
  afs: z.boolean().default(false),
  /** Appends a step to σ = 0, which returns the predicted data. */
  denoise_to_zero: z.boolean().default(false),
});

/** diff-sampler's Euler and Heun samplers. Heun's corrects its last step too, which ends at sigma_min. */
export const diffSamplerEulerPeers: Peers = {
  'zju-pi/diff-sampler solvers.py euler_sampler': (settings) => run(settings, ddim),
  'zju-pi/diff-sampler solvers.py heun_sampler': (settings) => {
    const toZero = params.parse(settings.params).denoise_to_zero;
    return run(settings, (problem) => {
      const steps = problem.grid.length - 1;
      return heun(problem, 2 * steps - (toZero ? 1 : 0));
    });
  },
};

function run(settings: PeerSettings, method: (problem: TableProblem) => RecordedTable): PeerRun {
  const { afs, denoise_to_zero, ...gridParams } = params.parse(settings.params);
  const t = diffSamplerSigmas(gridParams);
  const problem = { grid: edmPoints(denoise_to_zero ? [...t, 0] : t), prediction: 'data', space: 've' } as const;
  const full = method(problem);
  const { table, scale } = afs ? analyticFirstStep(full, problem) : { table: full, scale: 1 };
  return { table, startScale: scale * t[0]!, grid: { t } };
}
