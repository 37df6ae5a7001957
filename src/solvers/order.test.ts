import { describe, expect, it } from 'vitest';
import { edm } from '../diffusion/edm';
import { spacing } from '../diffusion/spacing';
import { ddim } from './ddim';
import { dpmMultistep } from './dpm-multistep';
import { heun } from './heun';
import { ipndm } from './ipndm';
import { tableProblem, type TableProblem } from './linear-form';
import type { SolverTable } from './table';
import { analyticMixture } from './testing/analytic-mixture';
import { referenceSample } from './reference-sampler';
import { unipc } from './unipc';

// A gentle range of noise levels, so that the asymptotic regime begins at few steps.
const schedule = edm(0.2, 2);
const gauss = { means: [[0.5, -0.3]], std: [0.4, 0.8] };
const { at } = analyticMixture(schedule, gauss);
const xT = [1.4, -2.2];

/** The probability-flow ODE of a Gaussian in closed form: x(σ) = μ + √((s² + σ²)/(s² + σ_T²))·(x_T − μ). */
const exact = xT.map((x, i) => {
  const [mean, variance] = [gauss.means[0]![i]!, gauss.std[i]! ** 2];
  return mean + Math.sqrt((variance + schedule.tMin ** 2) / (variance + schedule.tMax ** 2)) * (x - mean);
});

function observedOrder(method: (problem: TableProblem) => SolverTable): number {
  const [coarse, fine] = [80, 160].map((steps) => {
    const table = method(tableProblem(schedule, spacing(schedule, 'logsnr', steps)));
    const sampled = referenceSample(at, table, xT);
    return Math.max(...exact.map((x, i) => Math.abs(x - sampled[i]!)));
  });
  return Math.log2(coarse! / fine!);
}

describe('order of accuracy on a Gaussian', () => {
  it.each<[string, number, (problem: TableProblem) => SolverTable]>([
    ['DDIM', 1, ddim],
    ['DPM-Solver++ 1M', 1, (problem) => dpmMultistep(problem, { order: 1 })],
    ['DPM-Solver++ 2M', 2, (problem) => dpmMultistep(problem, { order: 2 })],
    ['DPM-Solver++ 3M', 2, (problem) => dpmMultistep(problem, { order: 3 })],
    ['iPNDM-1', 1, (problem) => ipndm(problem, 1)],
    ['iPNDM-2', 2, (problem) => ipndm(problem, 2)],
    ['iPNDM-3', 2, (problem) => ipndm(problem, 3)],
    ['iPNDM-4', 2, (problem) => ipndm(problem, 4)],
    ['UniPC-1', 2, (problem) => unipc(problem, { order: 1, lowerOrderFinal: false })],
    ['UniPC-2', 3, (problem) => unipc(problem, { order: 2, lowerOrderFinal: false })],
    ['UniPC-3', 3, (problem) => unipc(problem, { order: 3, lowerOrderFinal: false })],
    ['UniPC-2 bh1', 3, (problem) => unipc(problem, { order: 2, variant: 'bh1', lowerOrderFinal: false })],
    ['UniPC-3 with its lower order at the end', 2, (problem) => unipc(problem, { order: 3 })],
    ['Heun', 2, (problem) => heun(problem, 2 * (problem.grid.length - 1))],
  ])('%s: %d', (_, order, method) => {
    expect(Math.abs(observedOrder(method) - order)).toBeLessThan(0.25);
  });
});
