import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { convert, predictionMixture } from './conversions';
import { edm } from './edm';
import type { NoiseLevel, NoiseSchedule } from './noise-schedule';
import type { Prediction } from './prediction';
import { rectifiedFlow } from './rectified-flow';
import { vpLinear } from './vp-linear';

const spaces: readonly (readonly [string, NoiseSchedule, readonly Prediction[]])[] = [
  ['vp', vpLinear(), ['data', 'noise', 'velocity']],
  ['ve', edm(0.002, 80), ['data', 'noise']],
  ['flow', rectifiedFlow(1, 1000), ['data', 'noise', 'velocity']],
];
const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const value = fc.double({ min: -3, max: 3, noNaN: true });

/** Even in λ, so that all noise levels get their share. */
const timeAt = (schedule: NoiseSchedule, u: number): number =>
  schedule.timeOfLambda(schedule.lambda(schedule.tMax) * (1 - u) + schedule.lambda(schedule.tMin) * u);

describe.each(spaces)('conversions in %s space', (_, schedule, predictions) => {
  const pairs = predictions.flatMap((known) => predictions.map((wanted) => [known, wanted] as const));
  const conversion = (level: NoiseLevel, known: Prediction, wanted: Prediction): ReturnType<typeof convert> =>
    convert(level, predictionMixture(known, schedule.space, level), predictionMixture(wanted, schedule.space, level));

  it.each(pairs)('%s to %s and back changes nothing', (known, wanted) => {
    fc.assert(
      fc.property(fraction, (u) => {
        const level = schedule.at(timeAt(schedule, u));
        const [there, back] = [conversion(level, known, wanted), conversion(level, wanted, known)];
        // known → skip·y + out·known → back.skip·y + back.out·(…) = known
        expect(Math.abs(there.out * back.out - 1)).toBeLessThan(1e-12);
        const rest = back.skip + back.out * there.skip;
        expect(Math.abs(rest)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(back.skip)));
      }),
    );
  });

  it.each(pairs)('%s to %s gives the quantity itself', (known, wanted) => {
    fc.assert(
      fc.property(fraction, value, value, (u, data, noise) => {
        const level = schedule.at(timeAt(schedule, u));
        const of = (prediction: Prediction): number => {
          const mixture = predictionMixture(prediction, schedule.space, level);
          return mixture.data * data + mixture.noise * noise;
        };
        const { skip, out } = conversion(level, known, wanted);
        const terms = [skip * (level.alpha * data + level.sigma * noise), out * of(known)] as const;
        const size = Math.max(1, Math.abs(terms[0]), Math.abs(terms[1]), Math.abs(skip) + Math.abs(out));
        expect(Math.abs(terms[0] + terms[1] - of(wanted))).toBeLessThan(1e-12 * size);
      }),
    );
  });

  it.each(pairs)('%s to %s has the derivatives of finite differences', (known, wanted) => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 0.99, noNaN: true }), (u) => {
        const t = timeAt(schedule, u);
        const h = 1e-3 * Math.min(t, schedule.tMax - t);
        const at = (time: number): ReturnType<typeof convert> => conversion(schedule.at(time), known, wanted);
        const exact = at(t);
        for (const [name, derivative] of [
          ['skip', exact.dSkip],
          ['out', exact.dOut],
        ] as const) {
          // Fourth order: (8·(f₁ − f₋₁) − (f₂ − f₋₂))/12h
          const difference =
            (8 * (at(t + h)[name] - at(t - h)[name]) - (at(t + 2 * h)[name] - at(t - 2 * h)[name])) / (12 * h);
          const noise = (1e-14 * Math.max(1, Math.abs(exact[name]))) / h;
          expect(Math.abs(derivative - difference)).toBeLessThan(1e-7 * Math.abs(derivative) + noise);
        }
      }),
    );
  });
});

it('a prediction converts to itself exactly', () => {
  const level = vpLinear().at(0.3);
  const noise = predictionMixture('noise', 'vp', level);
  expect(convert(level, noise, noise)).toMatchObject({ out: 1 });
  expect(Math.abs(convert(level, noise, noise).skip)).toBe(0);
  expect(() => predictionMixture('velocity', 've', level)).toThrow('Velocity is not defined for an EDM schedule');
});
