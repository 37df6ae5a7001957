// What docs/solvers.md says about how the families relate.
import { describe, expect, it } from 'vitest';
import { cosine } from '../diffusion/discrete-vp';
import { edm } from '../diffusion/edm';
import { gridPoint, type GridPoint } from '../diffusion/grid-point';
import { rectifiedFlow } from '../diffusion/rectified-flow';
import { spacing } from '../diffusion/spacing';
import { euler } from './butcher-tableau';
import { families, familyNamed } from './catalogue';
import { ddim } from './ddim';
import { deis } from './deis';
import { dpmMultistep } from './dpm-multistep';
import { tableProblem, type RecordedTable } from './linear-form';
import { odeInTime, timeProblem } from './ode-in-time';
import { gridSteps } from './registry';
import { rowOffset, type SolverTable } from './table';
import { unipc } from './unipc';

const schedule = cosine(1000);
const problem = (steps: number) => tableProblem(schedule, spacing(schedule, 'logsnr', steps));

/** The largest difference of two tables' weights, relative to their rows; `scales` are those of the other's states. */
function difference(
  table: SolverTable,
  other: SolverTable,
  scales = { start: 1, states: [] as readonly number[] },
): number {
  expect(other.nfe).toBe(table.nfe);
  const rows = Array.from({ length: table.nfe }, (_, k) => {
    const row = [table.start[k + 1]!, ...table.weights.subarray(rowOffset(k), rowOffset(k + 1))];
    const scale = scales.states[k] ?? 1;
    const compared = [
      (other.start[k + 1]! * scales.start) / scale,
      ...other.weights.subarray(rowOffset(k), rowOffset(k + 1)).map((weight) => weight / scale),
    ];
    const largest = Math.max(...row.map(Math.abs));
    return Math.max(...row.map((value, j) => Math.abs(value - compared[j]!) / largest));
  });
  return Math.max(...rows);
}

const table = (name: string, order: number, variant?: string, steps = 6): RecordedTable => {
  const family = familyNamed(name);
  const settings = { order, variant: variant ?? family.variants[0] ?? '', nfe: steps, schedule };
  return family.fill(problem(gridSteps(name, steps, false)), settings);
};

describe('spaces', () => {
  const members = families.flatMap((family) => family.orders.map((order) => ({ family, order, name: family.name })));
  it.each(members)('$name-$order has one table in VP, VE and flow but for the scale of its states', (member) => {
    const { family, order } = member;
    const nfe = family.steps(6, false) === undefined ? 8 : 6;
    const settings = { order, variant: family.variants[0] ?? '', nfe, schedule };
    const vp = problem(gridSteps(family.name, nfe, false));
    const expected = family.fill(vp, settings);
    for (const space of ['ve', 'flow'] as const) {
      const factor = ({ alpha, sigma }: GridPoint): number => (space === 've' ? 1 / alpha : 1 / (alpha + sigma));
      const grid = vp.grid.map((point) => {
        const scale = factor(point);
        return gridPoint(point.t, scale * point.alpha, scale * point.sigma);
      });
      const other = family.fill({ ...vp, space, grid }, settings);
      const last = factor(vp.grid.at(-1)!);
      // Stages between grid points stay VP points in every space, so a state's scale is that of the point it is for.
      const states = [...expected.calls.slice(1).map(({ sigma }, k) => other.calls[k + 1]!.sigma / sigma), last];
      expect(difference(expected, other, { start: factor(vp.grid[0]!), states })).toBeLessThan(1e-10);
    }
  });

  it('Euler on the velocity of a flow is DDIM', () => {
    const flow = rectifiedFlow(3, 1000);
    const times = spacing(flow, 'uniform', 5);
    expect(difference(ddim(tableProblem(flow, times)), odeInTime(timeProblem(flow, [...times]), euler))).toBeLessThan(
      1e-12,
    );
  });
});

describe('families', () => {
  it.each(['dpmpp', 'dpm', 'dpmpp_singlestep', 'dpm_singlestep', 'unip', 'deis', 'lms', 'ipndm', 'ipndm_v'])(
    '%s of order 1 is DDIM',
    (name) => expect(difference(table('ddim', 1), table(name, 1))).toBeLessThan(1e-12),
  );

  it('UniP-2 is DPM-Solver++ 2M, and in its exact form the heun variant', () => {
    expect(difference(table('dpmpp', 2), table('unip', 2))).toBeLessThan(1e-12);
    expect(difference(table('dpmpp', 2, 'heun'), table('unip', 2, 'exact'))).toBeLessThan(1e-12);
  });

  it('UniP-3 is DPM-Solver++ 3M with the whole second difference', () => {
    const exact = dpmMultistep(problem(6), { order: 3, variant: 'heun', thirdOrder: 'exact' });
    expect(difference(exact, unipc(problem(6), { order: 3, variant: 'exact', corrector: false }))).toBeLessThan(1e-12);
    expect(difference(table('dpmpp', 3), table('unip', 3))).toBeGreaterThan(1e-3);
  });

  it.each([2, 3])('DEIS-%d in log σ̂ is DPM-Solver multistep with exact integrals', (order) => {
    const options = {
      order,
      prediction: 'noise',
      variant: 'taylor',
      thirdOrder: 'exact',
      lowerOrderFinal: false,
    } as const;
    const ours = deis(problem(6), { order, variable: 'log-rho' });
    expect(difference(dpmMultistep(problem(6), options), ours)).toBeLessThan(1e-11);
  });

  it('LMS is ρAB-DEIS, and iPNDM-v-2', () => {
    expect(difference(table('lms', 3), table('deis', 3, 'rhoab'))).toBe(0);
    expect(difference(table('lms', 2), table('ipndm_v', 2))).toBeLessThan(1e-12);
  });

  it.each([2, 3, 4])('iPNDM-%d is LMS where the steps in σ/α are even, and nowhere else', (order) => {
    const ve = edm(0.5, 10);
    const even = tableProblem(ve, spacing(ve, 'uniform', 6));
    const fill = (name: string) => familyNamed(name).fill(even, { order, variant: '', nfe: 6, schedule: ve });
    expect(difference(fill('lms'), fill('ipndm'))).toBeLessThan(1e-12);
    expect(difference(table('lms', order), table('ipndm', order))).toBeGreaterThan(1e-3);
  });

  it('Heun is the Runge–Kutta method of that name', () => {
    expect(difference(table('heun', 2), table('rk2', 2, 'heun'))).toBeLessThan(1e-12);
  });

  it('an order above (N + 1)/2 is that order where orders fall at the end', () => {
    expect(difference(table('unipc', 3, undefined, 5), table('unipc', 4, undefined, 5))).toBe(0);
    expect(difference(table('unipc', 3, undefined, 7), table('unipc', 4, undefined, 7))).toBeGreaterThan(1e-3);
  });
});
