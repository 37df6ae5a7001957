import { betaQuantile } from './beta-quantile';
import { linspace } from './numpy-grid';

/**
 * Falling lists of noise levels between two given ones, as functions of the position only. Every ramp returns `n` values
 * from sigmaMax to sigmaMin; where a sampler goes on to σ = 0, it appends the 0 itself.
 */

/** Even in σ^{1/ρ} (Karras et al. 2022, Eq. 5; k-diffusion `get_sigmas_karras`, diff-sampler `polynomial`). */
export function karrasRamp(n: number, sigmaMin: number, sigmaMax: number, rho = 7): number[] {
  checkRamp(n, sigmaMin, sigmaMax);
  const [low, high] = [sigmaMin ** (1 / rho), sigmaMax ** (1 / rho)];
  return linspace(0, 1, n).map((ramp) => (high + ramp * (low - high)) ** rho);
}

/** Even in log σ (k-diffusion `get_sigmas_exponential`, diff-sampler `logsnr`). */
export function exponentialRamp(n: number, sigmaMin: number, sigmaMax: number): number[] {
  checkRamp(n, sigmaMin, sigmaMax);
  return linspace(Math.log(sigmaMax), Math.log(sigmaMin), n).map((log) => Math.exp(log));
}

/** log σ polynomial of degree ρ in the position (k-diffusion `get_sigmas_polyexponential`); ρ = 1 is exponential. */
export function polyexponentialRamp(n: number, sigmaMin: number, sigmaMax: number, rho = 1): number[] {
  checkRamp(n, sigmaMin, sigmaMax);
  const [low, high] = [Math.log(sigmaMin), Math.log(sigmaMax)];
  return linspace(1, 0, n).map((ramp) => Math.exp(ramp ** rho * (high - low) + low));
}

/**
 * The noise levels of a linear-β VP process at even times from 1 to eps_s (k-diffusion `get_sigmas_vp`):
 * σ̂ = sqrt(exp(β_d·t²/2 + β_min·t) − 1). Its ends come from the process.
 */
export function vpRamp(n: number, betaD = 19.9, betaMin = 0.1, epsS = 1e-3): number[] {
  if (!(Number.isInteger(n) && n >= 1)) throw new RangeError(`A noise grid needs a whole number of points, got ${n}.`);
  return linspace(1, epsS, n).map((t) => Math.sqrt(Math.expm1((betaD * t * t) / 2 + betaMin * t)));
}

/** Quantiles of the beta distribution (Lee et al. 2024, "Beta Sampling is All You Need"; diffusers `beta`). */
export function betaRamp(n: number, sigmaMin: number, sigmaMax: number, alpha = 0.6, beta = 0.6): number[] {
  checkRamp(n, sigmaMin, sigmaMax);
  return linspace(0, 1, n).map((ramp) => sigmaMin + betaQuantile(1 - ramp, alpha, beta) * (sigmaMax - sigmaMin));
}

/**
 * diffusers' "Lu" grid: even in λ^{1/ρ} with λ = log σ (DPM-Solver, Lu et al. 2022). The program fixes ρ = 1, with which
 * it is the exponential ramp.
 */
export function luRamp(n: number, sigmaMin: number, sigmaMax: number): number[] {
  checkRamp(n, sigmaMin, sigmaMax);
  const [low, high] = [Math.log(sigmaMin), Math.log(sigmaMax)];
  return linspace(0, 1, n).map((ramp) => Math.exp(high + ramp * (low - high)));
}

/**
 * diff-sampler's `time_uniform`: even in the time of the linear-β VP process whose noise levels at time 1 and 10⁻³ are
 * sigmaMax and sigmaMin (for ρ ≠ 1 even in the ρ-th root of that time).
 */
export function timeUniformRamp(n: number, sigmaMin: number, sigmaMax: number, rho = 1): number[] {
  checkRamp(n, sigmaMin, sigmaMax);
  const epsS = 1e-3;
  const { betaD, betaMin } = vpProcess(sigmaMin, sigmaMax, epsS);
  return linspace(0, 1, n).map((ramp) => {
    const t = (1 + ramp * (epsS ** (1 / rho) - 1)) ** rho;
    return Math.sqrt(Math.expm1(0.5 * betaD * t * t + betaMin * t));
  });
}

/** The β_d and β_min with which σ̂(1) = sigmaMax and σ̂(eps_s) = sigmaMin (Karras et al. 2022, Table 1, VP column). */
export function vpProcess(sigmaMin: number, sigmaMax: number, epsS: number): { betaD: number; betaMin: number } {
  const [low, high] = [Math.log1p(sigmaMin * sigmaMin), Math.log1p(sigmaMax * sigmaMax)];
  const betaD = (2 * (low / epsS - high)) / (epsS - 1);
  return { betaD, betaMin: high - 0.5 * betaD };
}

/**
 * diff-sampler's `discrete`: even in the time of the model's own schedule. `rho` enters as it does in the program, which
 * takes the root of the last time alone; it is meant for ρ = 1.
 *
 * @param times the schedule's time of a noise level and its inverse
 */
export function discreteRamp(
  n: number,
  sigmaMin: number,
  sigmaMax: number,
  times: { readonly timeOfSigma: (sigma: number) => number; readonly sigmaOfTime: (t: number) => number },
  rho = 1,
): number[] {
  checkRamp(n, sigmaMin, sigmaMax);
  const [from, to] = [times.timeOfSigma(sigmaMax), times.timeOfSigma(sigmaMin)];
  return linspace(0, 1, n).map((ramp) => times.sigmaOfTime((from + ramp * (to ** (1 / rho) - from)) ** rho));
}

function checkRamp(n: number, sigmaMin: number, sigmaMax: number): void {
  if (!(Number.isInteger(n) && n >= 1)) throw new RangeError(`A noise grid needs a whole number of points, got ${n}.`);
  if (!(sigmaMin > 0 && sigmaMin < sigmaMax && Number.isFinite(sigmaMax))) {
    throw new RangeError(`A noise grid needs 0 < sigma_min < sigma_max, got ${sigmaMin} and ${sigmaMax}.`);
  }
}
