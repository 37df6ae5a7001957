import * as z from 'zod';
import { diffusersGrid } from '../diffusion/diffusers-grid';
import { dpmSolverGrid, ownTime } from '../diffusion/dpm-solver-grid';
import { edm } from '../diffusion/edm';
import { flowGrid } from '../diffusion/flow-grid';
import { ld3Grid } from '../diffusion/ld3-grid';
import { exponentialRamp, karrasRamp, polyexponentialRamp, vpRamp } from '../diffusion/sigma-ramps';
import { vpLinear } from '../diffusion/vp-linear';
import { betasOf } from './peers/schedules';
import { exact, result, tenDigits } from './schedule-errors';
import type { ScheduleChecker } from './schedules';

const numbers = z.array(z.number());
const n = z.int().min(1);
const ld3SkipType = z.enum(['time_uniform', 'time_quadratic', 'logSNR', 'edm']);

const dpmSolverEntry = z.strictObject({
  n,
  skip_type: z.enum(['time_uniform', 'time_quadratic', 'logSNR']),
  t: numbers,
  lambda: numbers,
});

/** DPM-Solver's own grids. */
const dpmSolver: ScheduleChecker = (entry) => {
  const { n: steps, skip_type: skipType, t, lambda } = dpmSolverEntry.parse(entry);
  const time = ownTime(vpLinear());
  const grid = dpmSolverGrid(time, skipType, steps);
  return result(`${skipType} n=${steps}`, [
    exact(grid, t),
    tenDigits(
      grid.map((at) => time.lambda(at)),
      lambda,
    ),
  ]);
};

const ld3Entry = z.strictObject({ n, skip_type: ld3SkipType, t: numbers });

const ld3: ScheduleChecker = (entry) => {
  const { n: steps, skip_type: skipType, t } = ld3Entry.parse(entry);
  return result(`${skipType} n=${steps}`, [exact(ld3Grid(vpLinear(), skipType, steps), t)]);
};

const edmEntry = z.discriminatedUnion('source', [
  z.strictObject({ source: z.literal('LD3 VE'), n, skip_type: ld3SkipType, t: numbers }),
  z.strictObject({
    source: z.literal('k-diffusion (final 0 appended)'),
    n,
    skip_type: z.union([
      z.enum(['karras', 'exponential', 'polyexponential', 'vp']),
      z.templateLiteral(['polyexponential rho=', z.number()]),
    ]),
    t: numbers,
  }),
]);

/** Grids of EDM models, whose time is σ. */
const edmGrids: ScheduleChecker = (entry) => {
  const parsed = edmEntry.parse(entry);
  const [sigmaMin, sigmaMax] = [0.002, 80];
  const id = `${parsed.source.split(' ')[0]} ${parsed.skip_type} n=${parsed.n}`;
  if (parsed.source === 'LD3 VE') {
    return result(id, [exact(ld3Grid(edm(sigmaMin, sigmaMax), parsed.skip_type, parsed.n), parsed.t)]);
  }
  const ramp = (): number[] => {
    switch (parsed.skip_type) {
      case 'karras':
        return karrasRamp(parsed.n, sigmaMin, sigmaMax);
      case 'exponential':
        return exponentialRamp(parsed.n, sigmaMin, sigmaMax);
      case 'polyexponential':
        return polyexponentialRamp(parsed.n, sigmaMin, sigmaMax);
      case 'vp':
        return vpRamp(parsed.n);
      default:
        return polyexponentialRamp(parsed.n, sigmaMin, sigmaMax, Number(parsed.skip_type.split('=')[1]));
    }
  };
  return result(id, [exact([...ramp(), 0], parsed.t)]);
};

const ddpmEntry = z.strictObject({
  n,
  scheduler: z.enum(['DDIMScheduler', 'EulerDiscreteScheduler', 'DPMSolverMultistepScheduler']),
  /** DDIM's timesteps do not depend on it. */
  schedule: z.enum(['ddpm_linear', 'ddpm_scaled_linear']).default('ddpm_linear'),
  spacing: z.enum(['leading', 'linspace', 'trailing']),
  steps_offset: z.int().default(0),
  use_karras_sigmas: z.boolean().default(false),
  use_exponential_sigmas: z.boolean().default(false),
  use_beta_sigmas: z.boolean().default(false),
  use_lu_lambdas: z.boolean().default(false),
  timesteps: numbers,
  sigmas: numbers.optional(),
  init_noise_sigma: z.number().optional(),
});

/** diffusers' timesteps and noise levels of discrete models. */
const diffusers: ScheduleChecker = (entry) => {
  const { n: steps, scheduler, schedule, spacing, ...parsed } = ddpmEntry.parse(entry);
  const ramps = [
    ...(parsed.use_karras_sigmas ? (['karras'] as const) : []),
    ...(parsed.use_lu_lambdas ? (['lu'] as const) : []),
    ...(parsed.use_exponential_sigmas ? (['exponential'] as const) : []),
    ...(parsed.use_beta_sigmas ? (['beta'] as const) : []),
  ];
  const [ramp] = ramps;
  const { timesteps, sigmas } = diffusersGrid({
    steps,
    betas: betasOf(schedule),
    family: { DDIMScheduler: 'ddim', EulerDiscreteScheduler: 'euler', DPMSolverMultistepScheduler: 'multistep' }[
      scheduler
    ] as 'ddim' | 'euler' | 'multistep',
    spacing,
    stepsOffset: parsed.steps_offset,
    ...(ramp === undefined ? {} : { sigmas: ramp }),
  });
  const start = startScale(sigmas, spacing);
  return result(`${scheduler} ${schedule} ${[spacing, ...ramps].join(' ')} +${parsed.steps_offset} n=${steps}`, [
    tenDigits(timesteps, parsed.timesteps),
    ...(parsed.sigmas ? [tenDigits(sigmas, parsed.sigmas)] : []),
    ...(parsed.init_noise_sigma === undefined ? [] : [tenDigits([start], [parsed.init_noise_sigma])]),
  ]);
};

/** `init_noise_sigma` of Euler-type schedulers: with leading timesteps the start has the data's variance too. */
function startScale(sigmas: readonly number[], spacing: 'leading' | 'linspace' | 'trailing'): number {
  const largest = Math.max(...sigmas);
  return spacing === 'leading' ? Math.sqrt(largest * largest + 1) : largest;
}

const flowEntry = z.strictObject({
  n,
  scheduler: z.enum(['FlowMatchEulerDiscreteScheduler']),
  shift: z.number(),
  timesteps: numbers,
  sigmas: numbers,
});

const flowShift: ScheduleChecker = (entry) => {
  const { n: steps, scheduler, shift, timesteps, sigmas } = flowEntry.parse(entry);
  const grid = flowGrid({ steps, shift, family: 'flow-match' });
  return result(`${scheduler} shift=${shift} n=${steps}`, [
    tenDigits(grid.timesteps, timesteps),
    tenDigits(grid.sigmas, sigmas),
  ]);
};

/** The lists that hold grids of published programs. */
export const gridCheckers: Readonly<Record<string, ScheduleChecker>> = {
  vp_linear_official_dpm: dpmSolver,
  vp_linear_ld3: ld3,
  edm: edmGrids,
  ddpm: diffusers,
  flow_shift: flowShift,
};
