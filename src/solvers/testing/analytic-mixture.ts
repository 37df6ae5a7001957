import { networkCoefficients } from '../../diffusion/network-coefficients';
import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import type { Prediction } from '../../diffusion/prediction';
import type { Denoiser, DenoiserBatch } from '../denoiser';

/** Data drawn from Σ_k weights_k · N(means_k, diag(std²)); one mean makes it a Gaussian. */
export interface GaussianMixture {
  readonly means: readonly (readonly number[])[];
  /** One number for all coordinates, or one per coordinate. */
  readonly std: number | readonly number[];
  /** Equal when left out. */
  readonly weights?: readonly number[];
}

/** A denoiser in closed form; `at` is its float64 core, for references that must not round to float32. */
export interface AnalyticDenoiser extends Denoiser {
  /** D at one state. */
  readonly at: (y: ArrayLike<number>, t: number) => Float64Array;
  readonly vjp: NonNullable<Denoiser['vjp']>;
}

/**
 * The exact denoiser of a Gaussian mixture under a noise schedule, in the schedule's own space; float64 inside, float32
 * at its surface; conditions are ignored. With v_i = α²s_i² + σ² and responsibilities
 * r_k ∝ weights_k·exp(−Σ_i (y_i − αm_{k,i})²/(2v_i)):
 *
 *     x₀_i = (σ²/v_i)·Σ_k r_k·m_{k,i} + (αs_i²/v_i)·y_i
 */
export function analyticMixture(
  schedule: NoiseSchedule,
  mixture: GaussianMixture,
  prediction: Prediction = 'data',
): AnalyticDenoiser {
  const { means } = mixture;
  const dim = means[0]?.length ?? 0;
  const variances = Array.from({ length: dim }, (_, i) =>
    typeof mixture.std === 'number' ? mixture.std ** 2 : (mixture.std[i] ?? NaN) ** 2,
  );
  const logWeights = means.map((_, k) => Math.log(mixture.weights?.[k] ?? 1));

  /** x₀ and all that its derivatives are made of. */
  const posterior = (y: ArrayLike<number>, t: number) => {
    const { alpha, sigma, dAlpha, dSigma } = schedule.at(t);
    const v = variances.map((s2) => alpha * alpha * s2 + sigma * sigma);
    const dv = variances.map((s2) => 2 * alpha * dAlpha * s2 + 2 * sigma * dSigma);
    const offsets = means.map((m) => m.map((mean, i) => y[i]! - alpha * mean));
    const logits = offsets.map((offset, k) => logWeights[k]! - sumOf(offset, (o, i) => (o * o) / (2 * v[i]!)));
    const top = Math.max(...logits);
    const exps = logits.map((logit) => Math.exp(logit - top));
    const total = sumOf(exps, (e) => e);
    const r = exps.map((e) => e / total);
    const centre = variances.map((_, i) => sumOf(r, (share, k) => share * means[k]![i]!));
    const pull = v.map((vi) => (sigma * sigma) / vi);
    const keep = v.map((vi, i) => (alpha * variances[i]!) / vi);
    const x0 = centre.map((c, i) => pull[i]! * c + keep[i]! * y[i]!);
    return { sigma, dAlpha, dSigma, v, dv, offsets, r, centre, pull, keep, x0 };
  };

  /** ∂⟨c, x₀⟩/∂y and ∂⟨c, x₀⟩/∂t. */
  const pullBack = (p: ReturnType<typeof posterior>, y: ArrayLike<number>, c: readonly number[]) => {
    const { sigma, dAlpha, dSigma, v, dv, offsets, r, centre, pull, keep } = p;
    // ∂⟨c, x₀⟩/∂logit_k = r_k·Σ_i c_i·pull_i·(m_{k,i} − centre_i)
    const gradLogits = means.map((m, k) => r[k]! * sumOf(m, (mi, i) => c[i]! * pull[i]! * (mi - centre[i]!)));
    const gradY = v.map((vi, i) => c[i]! * keep[i]! - sumOf(gradLogits, (g, k) => (g * offsets[k]![i]!) / vi));
    const dLogits = offsets.map((offset, k) =>
      sumOf(offset, (o, i) => {
        const [vi, dvi, mean] = [v[i]!, dv[i]!, means[k]![i]!];
        return (o * mean * dAlpha) / vi + (o * o * dvi) / (2 * vi * vi);
      }),
    );
    const gradT =
      sumOf(gradLogits, (g, k) => g * dLogits[k]!) +
      sumOf(v, (vi, i) => {
        const dvi = dv[i]!;
        const dPull = (2 * sigma * dSigma - pull[i]! * dvi) / vi;
        const dKeep = (dAlpha * variances[i]! - keep[i]! * dvi) / vi;
        return c[i]! * (dPull * centre[i]! + dKeep * y[i]!);
      });
    return { gradY, gradT };
  };

  const at = (y: ArrayLike<number>, t: number): Float64Array => {
    const { cSkip, cOut } = networkCoefficients(schedule, 'sample', prediction, t);
    return Float64Array.from(posterior(y, t).x0, (x0, i) => cSkip * y[i]! + cOut * x0);
  };

  const perSample = (batch: DenoiserBatch, visit: (y: Float32Array, t: number, sample: number) => void): void => {
    batch.times.forEach((t, sample) => visit(batch.states.subarray(sample * dim, (sample + 1) * dim), t, sample));
  };

  return {
    dim,
    prediction,
    space: schedule.space,
    at,
    async evaluate(batch, signal) {
      signal?.throwIfAborted();
      const output = new Float32Array(batch.states.length);
      perSample(batch, (y, t, sample) => output.set(at(y, t), sample * dim));
      return output;
    },
    async vjp(batch, cotangent, signal) {
      signal?.throwIfAborted();
      const output = new Float32Array(batch.states.length);
      const gradStates = new Float32Array(batch.states.length);
      const gradTimes = new Float64Array(batch.times.length);
      perSample(batch, (y, t, sample) => {
        const c = Array.from(cotangent.subarray(sample * dim, (sample + 1) * dim));
        const { cSkip, cOut, dCSkip, dCOut } = networkCoefficients(schedule, 'sample', prediction, t);
        const p = posterior(y, t);
        const { gradY, gradT } = pullBack(p, y, c);
        output.set(
          p.x0.map((x0, i) => cSkip * y[i]! + cOut * x0),
          sample * dim,
        );
        gradStates.set(
          gradY.map((g, i) => cSkip * c[i]! + cOut * g),
          sample * dim,
        );
        gradTimes[sample] = cOut * gradT + sumOf(c, (ci, i) => ci * (dCSkip * y[i]! + dCOut * p.x0[i]!));
      });
      return { output, gradStates, gradTimes };
    },
  };
}

function sumOf(values: readonly number[], term: (value: number, index: number) => number): number {
  return values.reduce((sum, value, i) => sum + term(value, i), 0);
}
