import { describe, expect, it } from 'vitest';
import { cosine } from '../diffusion/discrete-vp';
import { edm } from '../diffusion/edm';
import type { NoiseSchedule } from '../diffusion/noise-schedule';
import { rectifiedFlow } from '../diffusion/rectified-flow';
import { families, type SolverFamily } from './catalogue';
import type { RecordedTable } from './linear-form';
import { referenceSample } from './reference-sampler';
import { classicTable, gridSteps } from './registry';
import { rowOffset } from './table';
import { analyticMixture } from './testing/analytic-mixture';

/** Every order and variant of every family. */
const members = families.flatMap((family) =>
  family.orders.flatMap((order) =>
    (family.variants.length > 0 ? family.variants : [undefined]).map((variant) => ({ family, order, variant })),
  ),
);
const named = members.map(
  (member) => [`${member.family.name}-${member.order} ${member.variant ?? ''}`, member] as const,
);

function tableOf(
  schedule: NoiseSchedule,
  { family, order, variant }: (typeof members)[number],
  nfe: number,
  toZero = false,
): RecordedTable {
  const choice = { solver: family.name, order, timestep_spacing: 'logsnr', ...(variant ? { variant } : {}) } as const;
  return classicTable(schedule, choice, nfe, { toZero });
}

/** The first number of evaluations from `nfe` on that the family can make. */
function possible(family: SolverFamily, nfe: number, toZero = false): number {
  let n = nfe;
  while (family.steps(n, toZero) === undefined) n++;
  return n;
}

describe('order of accuracy that the catalogue claims', () => {
  // A gentle range of noise levels, so that the asymptotic regime begins at few steps; two modes, so that the ODE is not
  // linear. The reference is the method of order 4 at many steps.
  const schedule = edm(0.2, 2);
  const { at } = analyticMixture(schedule, {
    means: [
      [0.5, -0.3],
      [-0.7, 0.4],
    ],
    std: [0.4, 0.8],
  });
  const xT = [1.4, -2.2];
  const sampleOf = (table: RecordedTable): Float64Array => referenceSample(at, table, xT);
  const rk4 = members.find(({ family }) => family.name === 'rk4')!;
  const exact = sampleOf(tableOf(schedule, rk4, 1600));

  it.each(named)('%s', (_, member) => {
    const { family, order, variant } = member;
    const [coarse, fine] = [96, 192].map((nfe) => {
      const n = possible(family, nfe);
      const sampled = sampleOf(tableOf(schedule, member, n));
      return {
        steps: gridSteps(family.name, n, false),
        error: Math.max(...exact.map((x, i) => Math.abs(x - sampled[i]!))),
      };
    }) as [{ steps: number; error: number }, { steps: number; error: number }];
    const observed = Math.log(coarse.error / fine.error) / Math.log(fine.steps / coarse.steps);
    expect(Math.abs(observed - family.accuracy(order, variant ?? ''))).toBeLessThan(0.25);
  });
});

describe.each(Object.entries({ vp: cosine(1000), ve: edm(0.002, 80), flow: rectifiedFlow(3, 1000) }))(
  'every table in %s',
  (_, schedule) => {
    it.each(named)('%s is exact for a constant denoiser, to tMin and to σ = 0', (__, member) => {
      const { family, order, variant } = member;
      for (const toZero of [false, true]) {
        // What these refuse at σ = 0 is tested with them.
        if (toZero && (variant === 'bh1' || (family.name.endsWith('singlestep') && order > 1))) continue;
        const nfe = possible(family, 6, toZero);
        const table = tableOf(schedule, member, nfe, toZero);
        const first = schedule.at(schedule.tMax);
        const last = toZero ? { alpha: 1, sigma: 0 } : schedule.at(schedule.tMin);
        const ratio = last.sigma / first.sigma;
        const row = table.weights.subarray(rowOffset(nfe - 1));
        const sum = row.reduce((total, weight) => total + weight, 0);
        const size = Math.max(1, ...row.map(Math.abs));
        expect(table.nfe).toBe(nfe);
        expect(Math.abs(table.start[nfe]! - ratio)).toBeLessThan(1e-9 * size);
        expect(Math.abs(sum - (last.alpha - ratio * first.alpha))).toBeLessThan(1e-9 * size);
      }
    });
  },
);
