import { expect, it } from 'vitest';
import { convert, predictionMixture } from '../diffusion/conversions';
import { gridPoint, pointAt } from '../diffusion/grid-point';
import type { Prediction } from '../diffusion/prediction';
import { vpLinear } from '../diffusion/vp-linear';
import { analyticFirstStep } from './analytic-first-step';
import { ddim } from './ddim';
import type { TableProblem } from './linear-form';
import { lms } from './lms';
import { referenceTrajectory } from './reference-sampler';

const schedule = vpLinear();
const vpGrid = [1, 0.7, 0.4, 0.2, 0.01].map((t) => pointAt(schedule, t));
const veGrid = [80, 20, 4, 0.5, 0.02].map((sigma) => gridPoint(sigma, 1, sigma));

it.each<[string, TableProblem]>([
  ...(['data', 'noise', 'velocity'] as Prediction[]).map((prediction): [string, TableProblem] => [
    `vp ${prediction}`,
    { grid: vpGrid, prediction, space: 'vp' },
  ]),
  ['ve data', { grid: veGrid, prediction: 'data', space: 've' }],
  ['ve noise', { grid: veGrid, prediction: 'noise', space: 've' }],
])('an analytic first step gives the states of a network that first predicts x/√(α² + σ²) (%s)', (_, problem) => {
  const method = lms(problem, { order: 3 });
  const { table, scale } = analyticFirstStep(method, problem);
  const { alpha, sigma } = problem.grid[0]!;
  const level = { alpha, sigma, dAlpha: 0, dSigma: 0 };
  const mixture = (prediction: Prediction) => predictionMixture(prediction, problem.space, level);
  const { skip, out } = convert(level, mixture('noise'), mixture(problem.prediction));
  const later = (y: Float64Array, k: number): number[] => [Math.tanh(y[0]! + k)];
  const first = (y: Float64Array): number[] => [skip * y[0]! + (out * y[0]!) / Math.hypot(alpha, sigma)];

  const xT = 1.3 * sigma;
  const whole = referenceTrajectory((y, _t, k) => (k === 0 ? first(y) : later(y, k)), method, [xT]);
  const saved = referenceTrajectory((y, _t, k) => later(y, k + 1), table, [scale * xT]);

  expect(table.nfe).toBe(method.nfe - 1);
  expect([...table.times]).toEqual([...method.times.slice(1)]);
  expect(table.calls).toEqual(method.calls.slice(1));
  expect(table.start[0]).toBe(1);
  saved.forEach(([y], k) => expect(y).toBeCloseTo(whole[k + 1]![0]!, 9));
});

it('refuses to save the only evaluation', () => {
  const problem: TableProblem = { grid: veGrid.slice(0, 2), prediction: 'data', space: 've' };
  expect(() => analyticFirstStep(ddim(problem), problem)).toThrow('at least two evaluations');
});
