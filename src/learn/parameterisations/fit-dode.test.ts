import { describe, expect, it } from 'vitest';
import { edm } from '../../diffusion/edm';
import { cleanPoint, pointAt } from '../../diffusion/grid-point';
import { karrasRamp } from '../../diffusion/sigma-ramps';
import { ddim } from '../../solvers/ddim';
import { sample } from '../../solvers/sampler';
import type { SolverTable } from '../../solvers/table';
import { analyticMixture } from '../../solvers/testing/analytic-mixture';
import { noiseOf } from '../testing/check-parameterisation';
import { dode } from './dode';
import { fitDode } from './fit-dode';

const schedule = edm(0.002, 80);
const denoiser = analyticMixture(schedule, { means: [[0.5, -0.3]], std: [0.4, 0.8] });
const noise = (seed: number): Float32Array => Float32Array.from(noiseOf(seed, 64), (value) => 80 * 1.7 * value);
const conditions = new Int32Array(32);

describe('fitDode', () => {
  it.each(['euler', 'heun'] as const)(
    'on %s ends nearer to the true ODE than its base, on unseen noises',
    async (base) => {
      const n = base === 'euler' ? 6 : 3;
      const grid = [...karrasRamp(n, 0.002, 80).map((sigma) => pointAt(schedule, sigma)), cleanPoint];
      const problem = { grid, prediction: 'data', space: 've' } as const;
      const p = dode(problem, base);
      const { theta } = await fitDode(denoiser, schedule, problem, { starts: noise(1), conditions, base });

      const fine = [...karrasRamp(400, 0.002, 80).map((sigma) => pointAt(schedule, sigma)), cleanPoint];
      const unseen = noise(2);
      const end = async (table: SolverTable): Promise<Float32Array> =>
        (await sample(denoiser, table, unseen, conditions)).states.at(-1)!;
      const truth = await end(ddim({ ...problem, grid: fine }));
      const error = async (at: Float64Array): Promise<number> =>
        (await end(p.table(at))).reduce((sum, y, i) => sum + (y - truth[i]!) ** 2, 0);
      expect(await error(theta)).toBeLessThan(0.5 * (await error(p.initial)));
    },
  );
});
