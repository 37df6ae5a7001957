import { describe, expect, it } from 'vitest';
import { cosine, discreteVp, linearBetas } from '../diffusion/discrete-vp';
import { edm } from '../diffusion/edm';
import { rectifiedFlow } from '../diffusion/rectified-flow';
import { startNoiseScale } from '../diffusion/start-noise';
import { vpLinear } from '../diffusion/vp-linear';
import { zeroTerminalSnr } from '../diffusion/zero-terminal-snr';
import { AdaptiveError, adaptiveFlow, adaptiveSample, type AdaptiveRun, type FlowVelocity } from './adaptive';
import type { Denoiser } from './denoiser';
import { analyticMixture } from './testing/analytic-mixture';

const gauss = { means: [[0.5, -0.3]], std: [0.4, 0.8] };
const unitNoise = [0.3, -1.1, 0.8, -0.4, 0.9, 1.2];
const conditions = new Int32Array(3);

interface Level {
  readonly alpha: number;
  readonly sigma: number;
}

/** The ODE of the Gaussian in closed form: x = αμ + √(v/v_T)·(x_T − α_T·μ), v = α²s² + σ². */
function closedForm(xT: ArrayLike<number>, from: Level, to: Level): number[] {
  return Array.from(xT, (x, i) => {
    const [mean, s] = [gauss.means[0]![i % 2]!, gauss.std[i % 2]!];
    const v = ({ alpha, sigma }: Level): number => alpha * alpha * s * s + sigma * sigma;
    return to.alpha * mean + Math.sqrt(v(to) / v(from)) * (x - from.alpha * mean);
  });
}

/** The velocity cos φ·ε − sin φ·x₀ of the Gaussian, in float64. */
const velocity: FlowVelocity = async (points) =>
  points.map(({ angle, state }) => {
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    return state.map((z, i) => {
      const [mean, s] = [gauss.means[0]![i]!, gauss.std[i]!];
      const v = cos * cos * s * s + sin * sin;
      return (sin * cos * (1 - s * s) * (z - cos * mean)) / v - sin * mean;
    });
  });

const errorOf = (values: ArrayLike<number>, truth: readonly number[]): number =>
  Math.max(...truth.map((value, i) => Math.abs(values[i]! - value) / Math.max(1, Math.abs(value))));

describe('adaptiveFlow', () => {
  // From no signal at all to no noise at all, in a scaling of its own at every level.
  const levels = [
    { alpha: 0, sigma: 2 },
    { alpha: 0.05, sigma: 3 },
    { alpha: 1, sigma: 0.3 },
    { alpha: 1, sigma: 0 },
  ];
  const truth = (k: number): number[] => closedForm(unitNoise, levels[0]!, levels[k]!);
  const solve = (tolerance: number): Promise<AdaptiveRun> =>
    adaptiveFlow(velocity, levels, unitNoise, 2, { rtol: tolerance, atol: tolerance });

  it('meets its tolerance from α = 0 to σ = 0, at the cost of a method of order 5', async () => {
    const runs = await Promise.all([1e-6, 1e-8, 1e-10, 1e-12].map(solve));
    runs.forEach(({ states }, n) => {
      const tolerance = 10 ** -(6 + 2 * n);
      expect(Array.from(states[0]!)).toEqual(unitNoise);
      for (const k of [1, 2, 3]) expect(errorOf(states[k]!, truth(k))).toBeLessThan(20 * tolerance);
    });
    const [, , rough, fine] = runs.map(({ evaluations }) => Math.max(...evaluations));
    // A hundredth of the error asks for 100^(1/5) = 2.5 times the steps.
    expect(fine! / rough!).toBeGreaterThan(1.8);
    expect(fine! / rough!).toBeLessThan(3.2);
  });

  it('gives a sample the same path alone and in a batch, and asks for it no longer than needed', async () => {
    const asked: number[] = [];
    const counting: FlowVelocity = async (points) => {
      asked.push(points.length);
      return velocity(points);
    };
    const together = await adaptiveFlow(counting, levels, unitNoise, 2);
    const alone = await adaptiveFlow(velocity, levels, unitNoise.slice(2, 4), 2);
    expect(together.states.map((flat) => flat.slice(2, 4))).toEqual(alone.states);
    expect(together.evaluations[1]).toBe(alone.evaluations[0]);
    expect(asked.length).toBe(Math.max(...together.evaluations));
    expect(asked.reduce((sum, count) => sum + count, 0)).toBe(together.evaluations.reduce((sum, n) => sum + n, 0));
  });

  it('makes few evaluations again where a step fails', async () => {
    // A kink that no step sees before it is there.
    const kinked: FlowVelocity = async (points) =>
      points.map(({ angle, state }) => state.map(() => (angle > 0.5 ? 0 : Math.exp(30 * (0.5 - angle)))));
    const { rejected, evaluations, states } = await adaptiveFlow(kinked, levels, [0, 0], 2, { rtol: 1e-6, atol: 1e-6 });
    expect(rejected[0]).toBeGreaterThan(0);
    expect(evaluations[0]).toBeLessThan(2000);
    expect(states[3]![0]).toBeCloseTo(-(Math.exp(15) - 1) / 30, 0);
  });

  it('refuses levels that do not fall and tolerances of 0', async () => {
    await expect(adaptiveFlow(velocity, levels.toReversed(), unitNoise, 2)).rejects.toThrow('levels σ/α that fall');
    await expect(adaptiveFlow(velocity, levels, unitNoise, 2, { rtol: 0 })).rejects.toThrow(
      'got rtol 0 and atol 0.00001',
    );
  });
});

describe('adaptiveSample', () => {
  it.each([
    ['data in vp', vpLinear(), 'data'],
    ['velocity in vp', cosine(1000), 'velocity'],
    [
      'velocity in vp without any signal at first',
      discreteVp(zeroTerminalSnr(linearBetas(1e-4, 0.02, 1000))),
      'velocity',
    ],
    ['noise in ve', edm(0.002, 80), 'noise'],
    ['data in ve', edm(0.002, 80), 'data'],
    ['velocity in flow', rectifiedFlow(3, 1000), 'velocity'],
  ] as const)('solves the ODE of a float32 denoiser: %s', async (_, schedule, prediction) => {
    const denoiser = analyticMixture(schedule, gauss, prediction);
    const xT = unitNoise.map((z) => startNoiseScale(schedule) * z);
    const middle = schedule.timeOfLambda(0.4);
    const times = [schedule.tMax, middle, schedule.tMin];
    const { states } = await adaptiveSample(denoiser, schedule, times, xT, conditions, { rtol: 1e-9, atol: 1e-9 });
    const [start, ...rest] = times.map((t) => schedule.at(t));
    rest.forEach((level, k) => expect(errorOf(states[k + 1]!, closedForm(xT, start!, level))).toBeLessThan(2e-5));
    const whole = await adaptiveSample(denoiser, schedule, null, xT, conditions);
    expect(errorOf(whole.states[1]!, closedForm(xT, start!, rest[1]!))).toBeLessThan(2e-4);
    expect(Math.max(...whole.evaluations)).toBeLessThan(400);
  });

  const schedule = edm(0.002, 80);
  const exact = analyticMixture(schedule, gauss);
  const xT = unitNoise.map((z) => 80 * z);
  /** The denoiser with its output changed. */
  const changed = (change: (value: number) => number): { denoiser: Denoiser; asked: () => number } => {
    let asked = 0;
    const denoiser: Denoiser = {
      ...exact,
      evaluate: async (batch, signal) => {
        asked += 1;
        return (await exact.evaluate(batch, signal)).map(change);
      },
    };
    return { denoiser, asked: () => asked };
  };

  it('passes an output of few digits with more evaluations', async () => {
    const rounded = changed((value) => Math.round(value * 512) / 512).denoiser;
    const [rough, smooth] = await Promise.all(
      [rounded, exact].map((denoiser) => adaptiveSample(denoiser, schedule, null, xT, conditions)),
    );
    expect(errorOf(rough!.states[1]!, Array.from(smooth!.states[1]!))).toBeLessThan(4e-3);
    expect(Math.max(...rough!.evaluations)).toBeLessThan(10 * Math.max(...smooth!.evaluations));
  });

  it('ends with an error where the output is mere noise at the scale of the tolerance', async () => {
    const { denoiser, asked } = changed((value) => value + 0.1 * Math.sin(1e7 * value));
    const options = { rtol: 1e-6, atol: 1e-6, maxEvaluations: 500 };
    const run = adaptiveSample(denoiser, schedule, null, xT, conditions, options);
    await expect(run).rejects.toThrow(AdaptiveError);
    await expect(run).rejects.toThrow(
      /^The adaptive solver made 500 evaluations and is only at σ\/α = [\d.]+ for sample \d; .* raise them, or the number/,
    );
    expect(asked()).toBe(500);
  });

  it('says where an output is not finite', async () => {
    const { denoiser } = changed(() => NaN);
    const run = adaptiveSample(denoiser, schedule, null, xT, conditions);
    await expect(run).rejects.toThrow("The model's output at σ/α = 80.0 for sample 0 is not finite");
  });

  it('refuses a schedule of another space and start noise of another size', async () => {
    const run = adaptiveSample(exact, vpLinear(), null, xT, conditions);
    await expect(run).rejects.toThrow('The schedule is in vp space, but the model takes states in ve space.');
    const short = adaptiveSample(exact, schedule, null, xT.slice(1), conditions);
    await expect(short).rejects.toThrow('The start noise has 5 numbers; 3 samples of 2 need 6.');
  });

  it('stops by its signal', async () => {
    const controller = new AbortController();
    const { denoiser, asked } = changed((value) => {
      controller.abort();
      return value;
    });
    const run = adaptiveSample(denoiser, schedule, null, xT, conditions, { signal: controller.signal });
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
    expect(asked()).toBe(1);
  });
});
