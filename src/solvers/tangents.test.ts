import { describe, expect, it } from 'vitest';
import { cosine, discreteVp, linearBetas } from '../diffusion/discrete-vp';
import { edm } from '../diffusion/edm';
import { rectifiedFlow } from '../diffusion/rectified-flow';
import { zeroTerminalSnr } from '../diffusion/zero-terminal-snr';
import type { Denoiser } from './denoiser';
import { classicTable } from './registry';
import { sample } from './sampler';
import { entryNames, tableFromVector, tableToVector } from './table';
import { sampleTangents } from './tangents';
import { analyticMixture } from './testing/analytic-mixture';
import { referenceSample } from './reference-sampler';

const mixture = {
  means: [
    [1, 0.5],
    [-0.6, 0.8],
    [0.1, -1],
  ],
  std: 0.3,
};
const unitNoise = [0.3, -1.1, 0.8, -0.4];
const conditions = Int32Array.from([0, 1]);
const nfe = 4;

const setups = [
  ['vp', cosine(1000), 1],
  ['ve', edm(0.1, 10), 10],
  ['flow', rectifiedFlow(1, 1000), 1],
] as const;

describe.each(setups)('tangents of samples in %s', (_, schedule, scale) => {
  const denoiser = analyticMixture(schedule, mixture);
  const classic = classicTable(schedule, { solver: 'dpmpp', order: 2, timestep_spacing: 'logsnr' }, nfe);
  // Times with at least 8 % signal, since D hardly depends on the time of pure noise and its float32 rounding would hide
  // the derivative; in vp off whole steps, where the schedule has kinks.
  const times = classic.times.map((t) => {
    const inside = Math.min(t, schedule.timeOfLambda(-2.5));
    return schedule.space === 'vp' ? Math.floor(inside) + 0.5 : inside;
  });
  const table = { ...classic, times };
  const xT = Float32Array.from(unitNoise, (z) => scale * z);

  /** Central differences of the whole sampler in float64 (errors near 1e-8). */
  const expected = (entry: number): number[] => {
    const vector = tableToVector(table);
    const isTime = entry >= vector.length - nfe;
    const h = isTime ? 1e-5 * Math.min(vector[entry]!, 10) : 1e-6;
    const samples = (sign: number): number[] => {
      const moved = tableFromVector(
        table,
        vector.map((value, i) => (i === entry ? value + sign * h : value)),
      );
      return [0, 1].flatMap((n) => Array.from(referenceSample(denoiser.at, moved, xT.subarray(2 * n, 2 * n + 2))));
    };
    const behind = samples(-1);
    return samples(1).map((value, i) => (value - behind[i]!) / (2 * h));
  };

  /** Largest error over all entries, each relative to the size of its tangent. */
  const worstError = async (options: { central?: boolean; stepSize?: number; maxBatch?: number }): Promise<number> => {
    const trajectory = await sample(denoiser, table, xT, conditions);
    const { tangents } = await sampleTangents(denoiser, table, trajectory, conditions, { schedule, ...options });
    expect(tangents.length).toBe(entryNames(nfe).length);
    const errors = tangents.map((tangent, entry) => {
      const reference = expected(entry);
      const size = Math.max(...reference.map(Math.abs));
      return Math.max(...reference.map((value, i) => Math.abs(value - tangent[i]!))) / size;
    });
    return Math.max(...errors);
  };

  it('agree with differences of the whole sampler, better so for smaller steps', async () => {
    const [coarse, fine] = [await worstError({ stepSize: 0.01 }), await worstError({ stepSize: 0.001 })];
    expect(coarse).toBeLessThan(0.1);
    expect(fine).toBeLessThan(0.2 * coarse);
  });

  it('are of second order in the step with central differences', async () => {
    const [coarse, fine] = [
      await worstError({ central: true, stepSize: 0.04 }),
      await worstError({ central: true, stepSize: 0.01 }),
    ];
    expect(fine).toBeLessThan(3e-3);
    expect(fine).toBeLessThan(coarse / 8);
  });
});

describe('sampleTangents', () => {
  const schedule = edm(0.1, 10);
  const denoiser = analyticMixture(schedule, mixture);
  const table = classicTable(schedule, { solver: 'dpmpp', order: 2, timestep_spacing: 'logsnr' }, nfe);
  const xT = Float32Array.from(unitNoise, (z) => 10 * z);

  it('does not depend on the batch, never exceeds it, and counts every evaluation', async () => {
    const trajectory = await sample(denoiser, table, xT, conditions);
    const whole = await sampleTangents(denoiser, table, trajectory, conditions, { schedule });
    // Σ_{k<4} k + k(k+1)/2 + (k+1) = 6 + 10 + 10 a sample
    expect(whole.evaluations).toBe(2 * 26);
    const sizes: number[] = [];
    const watched: Denoiser = {
      ...denoiser,
      evaluate: (batch, signal) => {
        sizes.push(batch.times.length);
        return denoiser.evaluate(batch, signal);
      },
    };
    const split = await sampleTangents(watched, table, trajectory, conditions, { schedule, maxBatch: 3 });
    expect(split.tangents).toEqual(whole.tangents);
    expect(split.evaluations).toBe(whole.evaluations);
    expect(Math.max(...sizes)).toBe(3);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(whole.evaluations);
  });

  it('keeps every sample with its own condition', async () => {
    const seen: number[] = [];
    const watched: Denoiser = {
      ...denoiser,
      evaluate: (batch, signal) => {
        seen.push(...batch.conditions);
        return denoiser.evaluate(batch, signal);
      },
    };
    const trajectory = await sample(denoiser, table, xT, conditions);
    await sampleTangents(watched, table, trajectory, conditions, { schedule });
    expect(seen.filter((condition) => condition === 1).length).toBe(26);
  });

  it('skips tangents that are zero', async () => {
    const still = Float32Array.from([...xT.subarray(0, 2), 0, 0]);
    const trajectory = await sample(denoiser, table, still, conditions);
    const { evaluations } = await sampleTangents(denoiser, table, trajectory, conditions, { schedule });
    // ∂y_r/∂s_r = x_T = 0 for the second sample: Σ_k k evaluations fewer.
    expect(evaluations).toBe(2 * 26 - 6);
  });

  it('stays inside the schedule when it differentiates the first time one-sidedly', async () => {
    const times: number[] = [];
    const watched: Denoiser = {
      ...denoiser,
      evaluate: (batch, signal) => {
        times.push(...batch.times);
        return denoiser.evaluate(batch, signal);
      },
    };
    const trajectory = await sample(denoiser, table, xT, conditions);
    await sampleTangents(watched, table, trajectory, conditions, { schedule });
    expect(Math.max(...times)).toBeLessThanOrEqual(schedule.tMax);
  });

  it('differentiates the time of a start without signal', async () => {
    const silent = discreteVp(zeroTerminalSnr(linearBetas(0.1, 0.7, 7)));
    const exact = analyticMixture(silent, mixture);
    const choice = { solver: 'ddim', order: 1, timestep_spacing: 'uniform' } as const;
    const single = classicTable(silent, choice, 1);
    const noise = Float32Array.from(unitNoise);
    const trajectory = await sample(exact, single, noise, conditions);
    const { tangents } = await sampleTangents(exact, single, trajectory, conditions, { schedule: silent });
    // y_1 = s·x_T + w·D(x_T, t), whose derivative in t is that of D; α is linear in t there.
    const h = 1e-4;
    const [here, before] = [0, h].map((back) =>
      [0, 1].flatMap((n) => Array.from(exact.at(noise.subarray(2 * n, 2 * n + 2), silent.tMax - back))),
    ) as [number[], number[]];
    const derivative = here.map((value, i) => (single.weights[0]! * (value - before[i]!)) / h);
    const size = Math.max(...derivative.map(Math.abs));
    derivative.forEach((value, i) => expect(Math.abs(tangents[2]![i]! - value) / size).toBeLessThan(0.05));
  });

  it('stops by its signal between batches and refuses a step of zero', async () => {
    const trajectory = await sample(denoiser, table, xT, conditions);
    const controller = new AbortController();
    let batches = 0;
    const stopping: Denoiser = {
      ...denoiser,
      evaluate: (batch) => {
        batches += 1;
        controller.abort();
        return denoiser.evaluate(batch);
      },
    };
    const { signal } = controller;
    const run = sampleTangents(stopping, table, trajectory, conditions, { schedule, signal, maxBatch: 1 });
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
    expect(batches).toBe(1);
    const zero = sampleTangents(denoiser, table, trajectory, conditions, { schedule, stepSize: 0 });
    await expect(zero).rejects.toThrow('difference step must be above 0');
  });
});
