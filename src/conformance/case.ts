import * as z from 'zod';

/**
 * The folder layout of solver references: one JSON file per family with `cases`, and optional files with grids
 * (`schedules.json`) and exact solutions (`reference.json`). Every case is one run of a published program on a
 * closed-form denoiser; see `docs/solvers.md` for the fields.
 */
const numbers = z.array(z.number());

const scheduleName = z.enum(['vp_linear', 'ddpm_linear', 'ddpm_scaled_linear', 'edm', 'rf', 'ipndm_cos']);
export type ScheduleName = z.output<typeof scheduleName>;

export const referenceCase = z.object({
  id: z.string(),
  /** The program and the function in it. */
  impl: z.string(),
  schedule: scheduleName,
  /** Space of the sampler's state: vp αx₀ + σε, ve x₀ + (σ/α)ε, rf (1−σ)x₀ + σε. */
  space: z.enum(['vp', 've', 'rf']),
  /** What the network returns. */
  pred: z.enum(['x0', 'eps', 'v', 'flow']),
  nfe: z.int().min(1),
  params: z.record(z.string(), z.unknown()),
  grid: z.record(z.string(), numbers).optional(),
  x_T_scale: z.number(),
  /** What the program hands to the network as time, at each call. */
  t: numbers,
  /** Noise level of the network's input, which is in_scale·(state). */
  alpha: numbers,
  sigma: numbers,
  in_scale: numbers,
  /** Start weights and weights of y_1 … y_nfe; absent where they differ by element. */
  table: z.object({ a: numbers, c: z.array(numbers) }).optional(),
  gmm: z.object({ y: numbers, x: numbers }),
  gauss: z.object({ x: numbers }),
});
export type ReferenceCase = z.output<typeof referenceCase>;

const elementStatistics = z.object({ l: numbers, s: numbers, b: numbers });

/** DPM-Solver-v3's model statistics on a uniform grid of λ, flat [steps + 1][dim]. */
const statistics = z.object({
  statistics_steps: z.int().min(1),
  lambda_T: z.number(),
  lambda_0: z.number(),
  scalar: elementStatistics,
  perdim: elementStatistics,
});
export type ReferenceStatistics = z.output<typeof statistics>;

export const caseFile = z.object({
  solver: z.string(),
  /** Read one by one, so that one that cannot be read fails alone. */
  cases: z.array(z.unknown()),
  statistics: statistics.optional(),
});

/** The exact ODE solution from the common start, [level][samples][2], to 10 digits. */
export const exactSolution = z.object({
  schedule: scheduleName,
  model: z.enum(['gmm', 'gauss']),
  /** The start is this times the unit start points. */
  x_T_scale: z.number(),
  /** Falling noise levels; the last may be σ = 0. */
  at: z.array(z.object({ label: z.string(), alpha: z.number(), sigma: z.number() })).min(1),
  x: z.union([numbers, z.array(numbers).transform((levels) => levels.flat())]),
});
export type ExactSolution = z.output<typeof exactSolution>;

export const referenceFile = z.object({
  /** Start points [16][2], flat or nested. */
  x_T: z.union([numbers, z.array(numbers).transform((points) => points.flat())]),
  /** Read one by one, as `exactSolution`. */
  references: z.array(z.unknown()).default([]),
});
