import { expect, it } from 'vitest';
import { gridPoint, type GridPoint } from '../diffusion/grid-point';
import { dpm2 } from './dpm2';
import { heun } from './heun';
import type { TableProblem } from './linear-form';

const point = (sigma: number): GridPoint => gridPoint(sigma, 1, sigma);
const pointOfLambda = (lambda: number): GridPoint => point(Math.exp(-lambda));
const problemOf = (sigmas: readonly number[]): TableProblem => ({
  grid: sigmas.map(point),
  prediction: 'data',
  space: 've',
});

it.each([
  ['to sigma_min', [80, 9, 0.7, 0.02], 6],
  ['to zero, with an Euler step at the end', [80, 9, 0.7, 0], 5],
])('DPM2 with its second evaluation at the end of the step is Heun’s method (%s)', (_, sigmas, nfe) => {
  const problem = problemOf(sigmas);
  const [ours, theirs] = [dpm2(problem, { r: 1, pointOfLambda }), heun(problem, nfe)];
  expect(ours.nfe).toBe(nfe);
  ours.times.forEach((t, k) => expect(t).toBeCloseTo(theirs.times[k]!, 12));
  ours.weights.forEach((weight, i) => expect(weight).toBeCloseTo(theirs.weights[i]!, 12));
  ours.start.forEach((weight, i) => expect(weight).toBeCloseTo(theirs.start[i]!, 12));
});

it('refuses a second evaluation before the step', () => {
  expect(() => dpm2(problemOf([80, 1]), { r: 0, pointOfLambda })).toThrow('above 0');
});
