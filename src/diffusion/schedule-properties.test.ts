import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cosineBetas, discreteVp, discreteVpLogAlpha, linearBetas, scaledLinearBetas } from './discrete-vp';
import { edm } from './edm';
import { edmVe } from './edm-ve';
import type { NoiseSchedule } from './noise-schedule';
import { rectifiedFlow } from './rectified-flow';
import { vpProcess } from './sigma-ramps';
import { vpCosine } from './vp-cosine';
import { vpLinear } from './vp-linear';
import { zeroTerminalSnr } from './zero-terminal-snr';

const fitted = vpProcess(0.002, 80, 1e-3);
/** `nodes`: the time axis is an index with kinks at whole numbers. */
const schedules: Readonly<Record<string, { readonly schedule: NoiseSchedule; readonly nodes: boolean }>> = {
  linear: { schedule: discreteVp(linearBetas(1e-4, 0.02, 1000)), nodes: true },
  'linear in log α': { schedule: discreteVpLogAlpha(linearBetas(1e-4, 0.02, 1000)), nodes: true },
  'scaled linear': { schedule: discreteVp(scaledLinearBetas(0.00085, 0.012, 1000)), nodes: true },
  squaredcos_cap_v2: { schedule: discreteVp(cosineBetas(1000)), nodes: true },
  'trained betas': { schedule: discreteVp([1e-3, 0.02, 0.005, 0.3, 0.2, 0.7]), nodes: true },
  'zero terminal SNR': { schedule: discreteVp(zeroTerminalSnr(linearBetas(1e-4, 0.02, 1000))), nodes: true },
  'continuous VP': { schedule: vpLinear(), nodes: false },
  "EDM's VP of a range": {
    schedule: vpLinear({ betaMin: fitted.betaMin, betaMax: fitted.betaMin + fitted.betaD }),
    nodes: false,
  },
  'continuous cosine': { schedule: vpCosine(), nodes: false },
  edm: { schedule: edm(0.002, 80), nodes: false },
  "EDM's VE": { schedule: edmVe(), nodes: false },
  flow: { schedule: rectifiedFlow(3, 1000), nodes: false },
};

describe.each(Object.entries(schedules))('noise schedule %s', (_, { schedule, nodes }) => {
  const { tMin, tMax } = schedule;
  const lowest = Math.max(schedule.lambda(tMax), -12);
  const timeAt = (u: number): number => schedule.timeOfLambda(lowest + (schedule.lambda(tMin) - lowest) * u);
  const inside = fc.double({ min: 0.001, max: 0.999, noNaN: true });

  it('times and λ are inverses', () => {
    fc.assert(
      fc.property(inside, (u) => {
        const lambda = lowest + (schedule.lambda(tMin) - lowest) * u;
        expect(Math.abs(schedule.lambda(timeAt(u)) - lambda)).toBeLessThan(1e-9);
        const t = tMin + (tMax - tMin) * u;
        expect(Math.abs(schedule.timeOfLambda(schedule.lambda(t)) - t)).toBeLessThan(1e-10 * tMax);
      }),
    );
  });

  it('λ is log(α/σ), and the space keeps its invariant', () => {
    fc.assert(
      fc.property(inside, (u) => {
        const t = timeAt(u);
        const { alpha, sigma } = schedule.at(t);
        expect(Math.abs(schedule.lambda(t) - Math.log(alpha / sigma))).toBeLessThan(1e-10);
        const one = { vp: Math.hypot(alpha, sigma), ve: alpha, flow: alpha + sigma }[schedule.space];
        expect(Math.abs(one - 1)).toBeLessThan(1e-14);
      }),
    );
  });

  it('has the derivatives of finite differences', () => {
    fc.assert(
      fc.property(inside, (u) => {
        const time = timeAt(u);
        // Away from the nodes, where the derivatives jump.
        const t = nodes ? Math.min(Math.floor(time), tMax - 1) + 0.25 + 0.5 * u : time;
        const h = nodes ? 0.005 : 1e-3 * Math.min(t, tMax - t);
        const level = schedule.at(t);
        const difference = (name: 'alpha' | 'sigma'): number => {
          const [a, b, c, d] = [-2, -1, 1, 2].map((k) => schedule.at(t + k * h)[name]) as [
            number,
            number,
            number,
            number,
          ];
          return (8 * (c - b) - (d - a)) / (12 * h);
        };
        for (const [name, derivative] of [
          ['alpha', level.dAlpha],
          ['sigma', level.dSigma],
        ] as const) {
          const rounding = (1e-14 * level[name]) / h;
          expect(Math.abs(derivative - difference(name))).toBeLessThan(1e-5 * Math.abs(derivative) + rounding);
        }
      }),
    );
  });
});

describe('zero terminal SNR', () => {
  const betas = zeroTerminalSnr(scaledLinearBetas(0.00085, 0.012, 1000));
  const schedule = discreteVp(betas);

  it('leaves no signal at the last index and the first level as it was', () => {
    expect(betas[999]).toBe(1);
    expect(schedule.at(999)).toMatchObject({ alpha: 0, sigma: 1 });
    expect(Math.abs(schedule.at(999).dSigma)).toBe(0);
    expect(schedule.lambda(999)).toBe(-Infinity);
    expect(schedule.timeOfLambda(-Infinity)).toBe(999);
    expect(schedule.at(0).alpha).toBeCloseTo(Math.sqrt(1 - 0.00085), 14);
    expect(() => schedule.at(999.5)).toThrow('lies beyond 999, where no signal is left');
  });

  it('has the levels of diffusers, and none in log α', () => {
    // σ̂ of EulerDiscreteScheduler with rescale_betas_zero_snr, in float64
    expect(Math.exp(-schedule.lambda(666)) / 3.50093313812759).toBeCloseTo(1, 11);
    expect(Math.exp(-schedule.lambda(332)) / 0.9834381780994209).toBeCloseTo(1, 11);
    expect(() => discreteVpLogAlpha(betas)).toThrow('beta[999] of the noise schedule is 1');
    expect(() => zeroTerminalSnr([0.1])).toThrow('at least 2 betas');
  });
});

describe('parameters of continuous schedules', () => {
  it('the cosine schedule has the published α', () => {
    const schedule = vpCosine();
    expect([schedule.tMin, schedule.tMax]).toEqual([1e-3, 0.9946]);
    const b = ((0.008 / 1.008) * Math.PI) / 2;
    expect(schedule.at(0.5).alpha).toBeCloseTo(Math.cos(((0.508 / 1.008) * Math.PI) / 2) / Math.cos(b), 14);
    expect(() => vpCosine({ tMax: 1 })).toThrow('0 < t_min < t_max < 1');
  });

  it("EDM's VP process of a range has that range", () => {
    const { schedule } = schedules["EDM's VP of a range"]!;
    expect(Math.exp(-schedule.lambda(1)) / 80).toBeCloseTo(1, 12);
    expect(Math.exp(-schedule.lambda(1e-3)) / 0.002).toBeCloseTo(1, 8);
    expect(() => vpLinear({ betaMin: -1, betaMax: 20 })).toThrow('has no noise at t_min 0.001');
    expect(() => edmVe(2, 1)).toThrow('0 < sigma_min < sigma_max, got 2 and 1');
  });
});
