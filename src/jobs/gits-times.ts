import type { NoiseSchedule } from '../diffusion/noise-schedule';
import { gitsCosts, gitsSelect } from '../solvers/gits';
import { classicTable } from '../solvers/registry';
import type { Denoiser } from '../solvers/denoiser';
import { sample } from '../solvers/sampler';

/** Points of the teacher's grid that times are chosen from, and the order of its iPNDM, as in GITS. */
const teacherPoints = 61;
const teacherOrder = 4;

/**
 * Times for `steps` steps chosen by GITS (Chen et al. 2024) from the paths of these start noises: the teacher's points on
 * Karras' grid between which Euler steps stray least.
 *
 * @returns steps + 1 falling times, ends included
 */
export async function gitsTimes(
  denoiser: Denoiser,
  schedule: NoiseSchedule,
  steps: number,
  noises: { readonly xT: Float32Array; readonly conditions: Int32Array },
  options: { readonly signal?: AbortSignal; readonly onEvaluation?: () => void } = {},
): Promise<Float64Array> {
  const nfe = teacherPoints - 1;
  const choice = { solver: 'ipndm', order: teacherOrder, timestep_spacing: 'karras' } as const;
  const table = classicTable(schedule, choice, nfe);
  const { states, outputs } = await sample(denoiser, table, noises.xT, noises.conditions, options);
  const times = [...table.times, schedule.tMin];
  const levels = times.map((t) => schedule.at(t));
  const path = {
    sigmas: levels.map(({ alpha, sigma }) => sigma / alpha),
    states: states.map((state, k) => Float64Array.from(state, (x) => x / levels[k]!.alpha)),
    // The outputs are data predictions.
    noises: outputs.map((data, k) => {
      const { alpha, sigma } = levels[k]!;
      return Float64Array.from(data, (x0, i) => (states[k]![i]! - alpha * x0) / sigma);
    }),
    dim: denoiser.dim,
  };
  return Float64Array.from(gitsSelect(gitsCosts(path, 'dev'), steps), (index) => times[index]!);
}
