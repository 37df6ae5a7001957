import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cosine } from './discrete-vp';
import { edm } from './edm';
import { networkCoefficients, type NetworkCoefficients } from './network-coefficients';
import type { NoiseSchedule } from './noise-schedule';
import type { Prediction, PredictionType } from './prediction';
import { rectifiedFlow } from './rectified-flow';

const vp = cosine(1000);
const ve = edm(0.002, 80);
const flow = rectifiedFlow(1, 1000);

const combinations: [string, NoiseSchedule, PredictionType[], Prediction[]][] = [
  ['vp', vp, ['epsilon', 'sample', 'v_prediction'], ['data', 'noise', 'velocity']],
  ['ve', ve, ['epsilon', 'sample', 'edm'], ['data', 'noise']],
  ['flow', flow, ['epsilon', 'sample', 'flow_prediction'], ['data', 'noise', 'velocity']],
];
const pairs = combinations.flatMap(([space, schedule, types, targets]) =>
  types.flatMap((type) => targets.map((target) => [space, type, target, schedule] as const)),
);

/** What a perfect network of each type returns for known x₀ and ε, straight from the definitions. */
function perfectNetwork(type: PredictionType, alpha: number, sigma: number, x0: number, noise: number): number {
  const y = alpha * x0 + sigma * noise;
  switch (type) {
    case 'epsilon':
      return noise;
    case 'sample':
      return x0;
    case 'v_prediction':
      return alpha * noise - sigma * x0;
    case 'flow_prediction':
      return noise - x0;
    case 'edm':
      return (x0 - (0.25 / (sigma ** 2 + 0.25)) * y) / ((sigma * 0.5) / Math.sqrt(sigma ** 2 + 0.25));
  }
}

describe.each(pairs)('%s: %s network as %s prediction', (space, type, target, schedule) => {
  /** A time between the ends, inside a segment of the discrete schedule. */
  const times = fc.double({ min: 0.02, max: 0.98, noNaN: true }).map((u) => {
    const t = schedule.timeOfLambda(-4 + 8 * u);
    return space === 'vp' ? Math.floor(t) + 0.2 + 0.6 * u : t;
  });

  it('recovers what the clean data and noise say', () => {
    const value = fc.double({ min: -2, max: 2, noNaN: true });
    fc.assert(
      fc.property(times, value, value, (t, x0, noise) => {
        const { alpha, sigma } = schedule.at(t);
        const { cSkip, cOut } = networkCoefficients(schedule, type, target, t);
        const velocity = space === 'vp' ? alpha * noise - sigma * x0 : noise - x0;
        const expected = { data: x0, noise, velocity }[target];
        const network = perfectNetwork(type, alpha, sigma, x0, noise);
        const got = cSkip * (alpha * x0 + sigma * noise) + cOut * network;
        // α and σ are at least e^{-4} apart in ratio here, so nothing cancels more than about 2e3 times.
        expect(Math.abs(got - expected)).toBeLessThan(1e-11);
      }),
    );
  });

  it('has the derivatives of central differences', () => {
    fc.assert(
      fc.property(times, (t) => {
        const h = 1e-5 * Math.min(t, 1);
        const at = (time: number): NetworkCoefficients => networkCoefficients(schedule, type, target, time);
        const [ahead, behind, exact] = [at(t + h), at(t - h), at(t)];
        const check = (value: 'cIn' | 'cSkip' | 'cOut' | 'tNet', derivative: number): void => {
          const difference = (ahead[value] - behind[value]) / (2 * h);
          const rounding = (1e-14 * (Math.abs(exact[value]) + 1)) / h;
          expect(Math.abs(difference - derivative)).toBeLessThan(1e-6 * Math.abs(derivative) + rounding);
        };
        check('cIn', exact.dCIn);
        check('cSkip', exact.dCSkip);
        check('cOut', exact.dCOut);
        check('tNet', exact.dTNet);
      }),
    );
  });
});

describe('networkCoefficients', () => {
  it('hands a network of the wanted kind through untouched', () => {
    expect(networkCoefficients(vp, 'epsilon', 'noise', 400.5)).toMatchObject({
      cIn: 1,
      cSkip: 0,
      cOut: 1,
      tNet: 400.5,
    });
  });

  it("is EDM's preconditioning for edm networks", () => {
    const sigma = 3;
    const { cIn, cSkip, cOut, tNet } = networkCoefficients(ve, 'edm', 'data', sigma);
    expect(cIn).toBeCloseTo(1 / Math.sqrt(9.25), 14);
    expect(cSkip).toBeCloseTo(0.25 / 9.25, 14);
    expect(cOut).toBeCloseTo((3 * 0.5) / Math.sqrt(9.25), 14);
    expect(tNet).toBeCloseTo(Math.log(3) / 4, 14);
  });

  it.each([
    [ve, 'v_prediction', 'data', 'v_prediction needs a variance-preserving noise schedule'],
    [vp, 'flow_prediction', 'data', 'flow_prediction needs a noise schedule of type flow'],
    [flow, 'edm', 'data', 'edm needs a noise schedule of type edm'],
    [ve, 'sample', 'velocity', 'Velocity is not defined for an EDM schedule'],
  ] as const)('%# refuses what does not belong together', (schedule, type, target, message) => {
    expect(() => networkCoefficients(schedule, type, target, 1)).toThrow(message);
  });
});
