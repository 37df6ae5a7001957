import * as z from 'zod';
import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import { vpLinear } from '../../diffusion/vp-linear';
import { analyticFirstStep } from '../../solvers/analytic-first-step';
import { deis } from '../../solvers/deis';
import { denoiseToZero } from '../../solvers/denoise-to-zero';
import { dpm2 } from '../../solvers/dpm2';
import { ipndm } from '../../solvers/ipndm';
import { ipndmV } from '../../solvers/ipndm-v';
import type { RecordedTable, TableProblem } from '../../solvers/linear-form';
import { lms } from '../../solvers/lms';
import { diffSamplerGridParams, diffSamplerSigmas } from './diff-sampler-grid';
import { edmPoints } from './k-diffusion-grid';
import type { PeerRun, Peers } from './peer';

const common = {
  ...diffSamplerGridParams,
  /** Replaces the first answer of the network by its closed form at high noise. */
  afs: z.boolean().default(false),
  denoise_to_zero: z.boolean().default(false),
};
const multistep = { ...common, max_order: z.literal([1, 2, 3, 4]).default(4) };

const multistepParameters = z.strictObject(multistep);
const deisParameters = z.strictObject({ ...multistep, deis_mode: z.enum(['tab', 'rhoab']).default('tab') });
const dpm2Parameters = z.strictObject({ ...common, r: z.number().positive().max(1).default(0.5) });

/** The samplers of the toolbox that keep past outputs, and its DPM-Solver-2. Its networks predict the data, x₀ + σε. */
export const diffSamplerMultistepPeers: Peers = {
  'zju-pi/diff-sampler solvers.py ipndm_sampler': ({ params }) => {
    const { max_order, ...settings } = multistepParameters.parse(params);
    return run(settings, (problem) => ipndm(problem, max_order));
  },
  'zju-pi/diff-sampler solvers.py ipndm_v_sampler': ({ params }) => {
    const { max_order: order, ...settings } = multistepParameters.parse(params);
    return run(settings, (problem) => ipndmV(problem, { order }));
  },
  'zju-pi/diff-sampler solvers.py deis_sampler': ({ params }) => {
    const { max_order: order, deis_mode, ...settings } = deisParameters.parse(params);
    if (deis_mode === 'rhoab') return run(settings, (problem) => lms(problem, { order }));
    const variable = { timeOf: toolboxTime(), quadrature: { points: 10_000 } } as const;
    return run(settings, (problem) => deis(problem, { order, variable }));
  },
  'zju-pi/diff-sampler solvers.py dpm_2_sampler': ({ params }) => {
    const { r, ...settings } = dpm2Parameters.parse(params);
    const pointOfLambda = (lambda: number) => edmPoints([Math.exp(-lambda)])[0]!;
    return run(settings, (problem) => dpm2(problem, { r, pointOfLambda }));
  },
};

function run(
  settings: z.output<z.ZodObject<typeof common>>,
  method: (problem: TableProblem) => RecordedTable,
): PeerRun {
  const { afs, denoise_to_zero, ...schedule } = settings;
  const t = diffSamplerSigmas(schedule);
  const problem = { grid: edmPoints(t), prediction: 'data', space: 've' } as const;
  const filled = method(problem);
  const table = denoise_to_zero ? denoiseToZero(problem, filled, problem.grid.at(-1)!) : filled;
  const start = afs ? analyticFirstStep(table, problem) : { table, scale: 1 };
  return { table: start.table, startScale: t[0]! * start.scale, grid: { t } };
}

/**
 * The time that tAB-DEIS interpolates in: that of the linear-β process from 0.002 to 80, whatever the grid's ends are. Near
 * 0.002 the program's own powers and differences cancel; they are kept, for a more exact formula gives other digits.
 */
function toolboxTime(): NoiseSchedule {
  const epsilon = 1e-3;
  const [low, high] = [0.002, 80].map((sigma) => Math.log(sigma ** 2 + 1)) as [number, number];
  const betaD = (2 * (low / epsilon - high)) / (epsilon - 1);
  const betaMin = high - 0.5 * betaD;
  return {
    ...vpLinear({ betaMin, betaMax: betaMin + betaD, tMin: epsilon, tMax: 1 }),
    timeOfLambda: (lambda) => {
      const sigma = Math.exp(-lambda);
      return (Math.sqrt(betaMin ** 2 + 2 * betaD * Math.log(sigma ** 2 + 1)) - betaMin) / betaD;
    },
  };
}
