import { describe, expect, it } from 'vitest';
import { cosine } from '../diffusion/discrete-vp';
import { edm } from '../diffusion/edm';
import { rectifiedFlow } from '../diffusion/rectified-flow';
import { backward } from './backward';
import { classicTable } from './registry';
import { sample } from './sampler';
import type { SolverTable } from './table';
import { analyticMixture } from './testing/analytic-mixture';
import { referenceSample } from './reference-sampler';

const mixture = {
  means: [
    [1, 0.5, -0.2],
    [-0.6, 0.8, 0.4],
    [0.1, -1, 0.3],
  ],
  std: [0.3, 0.2, 0.4],
  weights: [1, 2, 0.5],
};
const unitNoise = [0.3, -1.1, 0.8, -0.4, 0.9, 1.2];
const gradSample = Float32Array.from([0.5, -1, 0.25, 1, 0.75, -0.5]);
const innerGrad = Float32Array.from([1, 0.5, -0.75, 0.25, -1, 0.5]);
const conditions = new Int32Array(2);

const setups = [
  ['data in vp', cosine(1000), 'data'],
  ['velocity in vp', cosine(1000), 'velocity'],
  ['data in ve', edm(0.1, 10), 'data'],
  ['data in flow', rectifiedFlow(3, 1000), 'data'],
  ['velocity in flow', rectifiedFlow(1, 1000), 'velocity'],
] as const;

describe.each(setups)('backward pass, %s', (_, schedule, prediction) => {
  const denoiser = analyticMixture(schedule, mixture, prediction);
  const classic = classicTable(schedule, { solver: 'unipc', order: 2, timestep_spacing: 'logsnr' }, 4);
  // Any numbers do for a gradient; times move off whole steps, where a discrete schedule has kinks.
  const table: SolverTable = {
    ...classic,
    prediction,
    start: classic.start.map((s, r) => (r === 0 ? 0.9 : s + 0.02 * r)),
    times: classic.times.map((t) => (schedule.space === 'vp' ? Math.floor(t * 0.99) + 0.4 : t)),
  };
  const scale = schedule.space === 've' ? 10 : 1;
  const xT = Float32Array.from(unitNoise, (z) => scale * z);

  const gradRows = new Map([
    [4, gradSample],
    [2, innerGrad],
  ]);
  const firstRows = (whole: SolverTable): SolverTable => ({
    ...whole,
    nfe: 2,
    start: whole.start.subarray(0, 3),
    weights: whole.weights.subarray(0, 3),
    times: whole.times.subarray(0, 2),
  });

  /** L = ⟨gradSample, y_4⟩ + ⟨innerGrad, y_2⟩, in float64 throughout. */
  const loss = (changed: SolverTable, noise: ArrayLike<number> = xT): number =>
    [0, 1].reduce((total, n) => {
      const one = Array.from(noise).slice(3 * n, 3 * n + 3);
      const dot = (y: Float64Array, grad: Float32Array): number =>
        y.reduce((sum, value, i) => sum + value * grad[3 * n + i]!, 0);
      const inner = dot(referenceSample(denoiser.at, firstRows(changed), one), innerGrad);
      return total + dot(referenceSample(denoiser.at, changed, one), gradSample) + inner;
    }, 0);

  /** Central differences of a float64 loss: rounding 1e-16/1e-6 and truncation 1e-12, both far below 1e-5. */
  const differences = <T extends Float64Array | Float32Array>(
    values: T,
    lossOf: (moved: Float64Array) => number,
    step: (value: number) => number,
  ): number[] =>
    Array.from(values, (value, i) => {
      const h = step(value);
      const moved = (sign: number): Float64Array =>
        Float64Array.from(values, (other, j) => (j === i ? value + sign * h : other));
      return (lossOf(moved(1)) - lossOf(moved(-1))) / (2 * h);
    });

  /** The pass itself runs on float32 states, good to 6e-8 a rounding; N roundings and their growth stay below 1e-5. */
  const expectClose = (got: ArrayLike<number>, expected: number[]): void => {
    expect(got.length).toBe(expected.length);
    const size = Math.max(...expected.map(Math.abs));
    expect(size).toBeGreaterThan(0);
    expected.forEach((value, i) => expect(Math.abs(got[i]! - value) / size).toBeLessThan(1e-5));
  };

  it('agrees with central differences for start weights, weights, times and start noise', async () => {
    const trajectory = await sample(denoiser, table, xT, conditions);
    const gradient = await backward(denoiser, table, trajectory, conditions, gradRows);
    const fixed = (): number => 1e-6;
    expectClose(
      gradient.start,
      differences(table.start, (start) => loss({ ...table, start }), fixed),
    );
    expectClose(
      gradient.weights,
      differences(table.weights, (weights) => loss({ ...table, weights }), fixed),
    );
    expectClose(
      gradient.times,
      differences(
        table.times,
        (times) => loss({ ...table, times }),
        (t) => 1e-5 * Math.min(t, 10),
      ),
    );
    expectClose(
      gradient.xT,
      differences(xT, (noise) => loss(table, noise), fixed),
    );
  });
});

describe('backward', () => {
  const schedule = edm(0.1, 10);
  const denoiser = analyticMixture(schedule, mixture);
  const table = classicTable(schedule, { solver: 'ddim', order: 1, timestep_spacing: 'karras' }, 3);
  const xT = Float32Array.from(unitNoise);
  const gradRows = new Map([[3, gradSample]]);

  it('is the same, bit for bit, when run twice', async () => {
    const trajectory = await sample(denoiser, table, xT, conditions);
    const first = await backward(denoiser, table, trajectory, conditions, gradRows);
    expect(await backward(denoiser, table, trajectory, conditions, gradRows)).toEqual(first);
  });

  it('says what to do when the model has no gradient', async () => {
    const trajectory = await sample(denoiser, table, xT, conditions);
    const { vjp: _, ...forwardOnly } = denoiser;
    await expect(backward(forwardOnly, table, trajectory, conditions, gradRows)).rejects.toThrow('gauss_newton');
  });

  it('refuses a gradient of the wrong size and stops by its signal', async () => {
    const trajectory = await sample(denoiser, table, xT, conditions);
    const short = new Map([[3, gradSample.subarray(1)]]);
    await expect(backward(denoiser, table, trajectory, conditions, short)).rejects.toThrow('has 5 numbers');
    const stopped = backward(denoiser, table, trajectory, conditions, gradRows, AbortSignal.abort());
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
  });
});
