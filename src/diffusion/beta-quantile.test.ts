import { describe, expect, it } from 'vitest';
import { betaQuantile } from './beta-quantile';

describe('quantiles of the beta distribution', () => {
  it.each([
    // scipy.stats.beta.ppf
    [0.6, 0.6, [1.8558824624914097e-20, 1.855873851745199e-5, 0.03958440558878085, 0.5, 0.9604155944112192]],
    [0.5, 0.5, [2.4674011002723395e-24, 2.4673990709169446e-6, 0.024471741852423214, 0.5, 0.9755282581475768]],
    [2, 5, [2.5819897863610075e-7, 0.008255492787746678, 0.09259525891312873, 0.26444998329566005, 0.5103163065514917]],
    [
      0.3,
      4,
      [1.904965320918662e-41, 1.9049653210024112e-11, 8.843870482363649e-5, 0.019778314565049332, 0.2143738140841478],
    ],
    [8, 3, [0.019736488771443766, 0.2815433819575835, 0.5503961113264141, 0.7414252767150369, 0.8841747219702369]],
    [1, 1, [1e-12, 1e-3, 0.1, 0.5, 0.9]],
  ])('are those of scipy for the shapes %f and %f', (a, b, expected) => {
    for (const [i, p] of [1e-12, 1e-3, 0.1, 0.5, 0.9].entries()) {
      expect(betaQuantile(p, a, b) / expected[i]!).toBeCloseTo(1, 13);
    }
  });

  it('has the ends of the interval exactly and the arcsine law in closed form', () => {
    expect(betaQuantile(0, 0.6, 0.6)).toBe(0);
    expect(betaQuantile(1, 0.6, 0.6)).toBe(1);
    for (let p = 0.01; p < 1; p += 0.07) {
      expect(betaQuantile(p, 0.5, 0.5)).toBeCloseTo(Math.sin((Math.PI / 2) * p) ** 2, 14);
    }
  });

  it('refuses what is no probability or shape', () => {
    expect(() => betaQuantile(1.5, 1, 1)).toThrow('between 0 and 1');
    expect(() => betaQuantile(0.5, 0, 1)).toThrow('shapes');
  });
});
