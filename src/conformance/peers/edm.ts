import * as z from 'zod';
import { roundHalfEven } from '../../diffusion/numpy-grid';
import { karrasRamp } from '../../diffusion/sigma-ramps';
import { euler, rk2 } from '../../solvers/butcher-tableau';
import { heun } from '../../solvers/heun';
import { odeInTime, type PathPoint } from '../../solvers/ode-in-time';
import { edmPoints } from './k-diffusion-grid';
import type { Peers } from './peer';

/** Without noise added between steps, whatever the other parameters of churn are. */
const noChurn = {
  S_churn: z.literal(0).optional(),
  S_min: z.number().optional(),
  S_max: z.number().optional(),
  S_noise: z.number().optional(),
};

const edmParams = z.strictObject({
  num_steps: z.int().min(2).default(18),
  sigma_min: z.number().default(0.002),
  sigma_max: z.number().default(80),
  rho: z.number().default(7),
  ...noChurn,
});

const ablationParams = z.strictObject({
  num_steps: z.int().min(2).default(18),
  sigma_min: z.number().nullable().default(null),
  sigma_max: z.number().nullable().default(null),
  rho: z.number().default(7),
  solver: z.enum(['euler', 'heun']).default('heun'),
  discretization: z.enum(['vp', 've', 'iddpm', 'edm']).default('edm'),
  schedule: z.enum(['vp', 've', 'linear']).default('linear'),
  scaling: z.enum(['vp', 'none']).default('none'),
  epsilon_s: z.number().default(1e-3),
  C_1: z.number().default(0.001),
  C_2: z.number().default(0.008),
  M: z.int().default(1000),
  alpha: z.number().default(1),
  ...noChurn,
});
type AblationParams = z.output<typeof ablationParams>;

/** EDM's own sampler without churn, and the one that contains those of earlier work, for networks of any noise level. */
export const edmPeers: Peers = {
  'NVlabs/edm generate.py edm_sampler': (settings) => {
    const { num_steps, sigma_min, sigma_max, rho } = edmParams.parse(settings.params);
    const sigmas = karrasRamp(num_steps, sigma_min, sigma_max, rho);
    const problem = { grid: edmPoints([...sigmas, 0]), prediction: 'data', space: 've' } as const;
    return { table: heun(problem, 2 * num_steps - 1), startScale: sigmas[0]! };
  },
  'NVlabs/edm generate.py ablation_sampler': (settings) => {
    const params = ablationParams.parse(settings.params);
    const { solver, scaling } = params;
    const range = sigmaRange(params);
    const noise = noiseOverTime(params, range);
    const times = [...ablationSigmas(params, range).map(noise.timeOfSigma), 0];
    const at = scaling === 'vp' ? scaledToUnitVariance(noise) : unscaled(noise);
    const problem = {
      times,
      at,
      prediction: 'data',
      space: scaling === 'vp' ? 'vp' : 've',
      networkSpace: 've',
    } as const;
    const table = odeInTime(problem, solver === 'euler' ? euler : rk2(params.alpha));
    return { table, startScale: table.calls[0]!.sigma };
  },
};

/** σ(t) with its derivative and inverse. */
interface NoiseOverTime {
  readonly sigma: (t: number) => number;
  readonly dSigma: (t: number) => number;
  readonly timeOfSigma: (sigma: number) => number;
}

interface Range {
  readonly low: number;
  readonly high: number;
}

// σ(t) of the VP process is 1e-2 where e^x − 1 keeps 12 digits: as the program writes it, so that the rest agree.
const vpSigma = (betaD: number, betaMin: number, t: number): number =>
  (Math.E ** (0.5 * betaD * t ** 2 + betaMin * t) - 1) ** 0.5;

/** The range of noise levels, by default that of the model family whose grid it is. */
function sigmaRange({ sigma_min, sigma_max, discretization, epsilon_s }: AblationParams): Range {
  const defaults = {
    vp: { low: vpSigma(19.9, 0.1, epsilon_s), high: vpSigma(19.9, 0.1, 1) },
    ve: { low: 0.02, high: 100 },
    iddpm: { low: 0.002, high: 81 },
    edm: { low: 0.002, high: 80 },
  }[discretization];
  return { low: sigma_min ?? defaults.low, high: sigma_max ?? defaults.high };
}

/** β_d and β_min of the VP process with this range. */
function vpBetas({ epsilon_s }: AblationParams, { low, high }: Range): readonly [betaD: number, betaMin: number] {
  const [logLow, logHigh] = [Math.log(low ** 2 + 1), Math.log(high ** 2 + 1)];
  const betaD = (2 * (logLow / epsilon_s - logHigh)) / (epsilon_s - 1);
  return [betaD, logHigh - 0.5 * betaD];
}

function ablationSigmas(params: AblationParams, range: Range): number[] {
  const { num_steps: n, discretization, epsilon_s, rho } = params;
  const { low, high } = range;
  const fractions = Array.from({ length: n }, (_, i) => i / (n - 1));
  switch (discretization) {
    case 'vp': {
      const [betaD, betaMin] = vpBetas(params, range);
      return fractions.map((f) => vpSigma(betaD, betaMin, 1 + f * (epsilon_s - 1)));
    }
    case 've':
      return fractions.map((f) => Math.sqrt(high ** 2 * (low ** 2 / high ** 2) ** f));
    case 'iddpm': {
      const levels = iddpmSigmas(params).filter((sigma) => sigma >= low && sigma <= high);
      return fractions.map((_, i) => levels[roundHalfEven(((levels.length - 1) / (n - 1)) * i)]!);
    }
    case 'edm':
      return karrasRamp(n, low, high, rho);
  }
}

/** The M + 1 noise levels of improved DDPM's cosine schedule, falling to 0 (Karras et al. 2022, Table 1). */
function iddpmSigmas({ M, C_1, C_2 }: AblationParams): number[] {
  const alphaBar = (j: number): number => Math.sin((0.5 * Math.PI * j) / M / (C_2 + 1)) ** 2;
  const levels = [0];
  for (let j = M; j >= 1; j--) {
    const kept = Math.max(alphaBar(j - 1) / alphaBar(j), C_1);
    levels.unshift(Math.sqrt((levels[0]! ** 2 + 1) / kept - 1));
  }
  return levels;
}

function noiseOverTime(params: AblationParams, range: Range): NoiseOverTime {
  switch (params.schedule) {
    case 'vp': {
      const [betaD, betaMin] = vpBetas(params, range);
      const sigma = (t: number): number => vpSigma(betaD, betaMin, t);
      return {
        sigma,
        dSigma: (t) => 0.5 * (betaMin + betaD * t) * (sigma(t) + 1 / sigma(t)),
        timeOfSigma: (level) => (Math.sqrt(betaMin ** 2 + 2 * betaD * Math.log(level ** 2 + 1)) - betaMin) / betaD,
      };
    }
    case 've':
      return { sigma: Math.sqrt, dSigma: (t) => 0.5 / Math.sqrt(t), timeOfSigma: (level) => level ** 2 };
    case 'linear':
      return { sigma: (t) => t, dSigma: () => 1, timeOfSigma: (level) => level };
  }
}

function unscaled({ sigma, dSigma }: NoiseOverTime): (time: number) => PathPoint {
  return (time) => {
    const level = sigma(time);
    return { t: level, alpha: 1, sigma: level, lambda: -Math.log(level), dAlpha: 0, dSigma: dSigma(time) };
  };
}

/** x = s·(x₀ + σε) with s = 1/√(1 + σ²), hence ds = −s³σ·dσ and d(sσ) = s³·dσ; the network sees x/s. */
function scaledToUnitVariance({ sigma, dSigma }: NoiseOverTime): (time: number) => PathPoint {
  return (time) => {
    const level = sigma(time);
    const s = 1 / Math.sqrt(1 + level ** 2);
    const dScaled = s ** 3 * dSigma(time);
    return {
      t: level,
      alpha: s,
      sigma: s * level,
      lambda: -Math.log(level),
      dAlpha: -level * dScaled,
      dSigma: dScaled,
      network: { alpha: 1, sigma: level },
    };
  };
}
