import * as z from 'zod';
import { gridPoint } from '../../diffusion/grid-point';
import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import { neuralSolver } from '../../learn/parameterisations/neural-solver';
import { learnedRun } from './learned';
import type { Peers } from './peer';
import { predictionOf } from './schedules';

const parameters = z.strictObject({
  steps: z.int().min(2),
  /** Share of each step; rounded, so that they need not add up to 1. */
  timedeltas: z.array(z.number().positive()),
  /** A row for each step, with the coefficient of each earlier output. */
  coeffs: z.array(z.array(z.number())),
});

/** Rectified flow on σ itself. Rounded steps may end just past σ = 0. */
const unitFlow: NoiseSchedule = {
  space: 'flow',
  tMin: -0.01,
  tMax: 1,
  at: (t) => ({ alpha: 1 - t, sigma: t, dAlpha: -1, dSigma: 1 }),
  lambda: (t) => Math.log((1 - t) / t),
  timeOfLambda: (lambda) => 1 / (1 + Math.exp(lambda)),
  gridTime: (fraction) => 1 - fraction,
};

/** The authors' flow sampler with its found coefficients. Its network's time is 1 − σ. */
export const neuralSolverPeers: Peers = {
  'MCG-NJU/NeuralSolver flow_matching/ns_sampling.py': ({ pred, params }) => {
    const { steps, timedeltas, coeffs } = parameters.parse(params);
    if (timedeltas.length !== steps || coeffs.length !== steps) {
      throw new RangeError(`The program needs ${steps} timedeltas and rows of coeffs.`);
    }
    const total = timedeltas.reduce((sum, delta) => sum + delta, 0);
    let t = 1;
    const grid = [1, ...timedeltas.slice(0, -1).map((delta) => (t -= delta)), 1 - total];
    const parameterisation = neuralSolver(unitFlow, grid, { prediction: predictionOf(pred) });
    const rows = coeffs.map((row, i) => row.slice(0, i));
    const theta = [...timedeltas.map((delta) => Math.log(delta)), ...rows.flat()];
    const { table, startScale } = learnedRun(unitFlow, parameterisation, theta);
    const calls = table.calls.map(({ alpha, sigma }) => gridPoint(alpha, alpha, sigma));
    const times = Float64Array.from(calls, (call) => call.t);
    return { table: { ...table, times, calls }, startScale, grid: { timedeltas } };
  },
};
