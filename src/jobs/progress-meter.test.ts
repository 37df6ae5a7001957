import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { RunEvent } from '../protocol';
import { ProgressMeter } from './progress-meter';

type Progress = Extract<RunEvent, { kind: 'progress' }>;

function meterAt() {
  const shown: Progress[] = [];
  const clock = { now: 1_000_000 };
  const meter = new ProgressMeter(
    (event) => {
      if (event.kind === 'progress') shown.push(event);
    },
    () => clock.now,
  );
  return { meter, shown, clock };
}

it('never falls and never leaves 0 … 1, whatever the stages really cost', () => {
  const stages = fc.array(fc.record({ planned: fc.nat(5000), ticks: fc.array(fc.tuple(fc.nat(400), fc.nat(300))) }), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(stages, fc.option(fc.nat(2000)), (plan, limit) => {
      const { meter, shown, clock } = meterAt();
      plan.forEach(({ planned }, nfe) => meter.plan('learn', nfe, planned));
      plan.forEach(({ ticks }, nfe) => {
        meter.start('learn', nfe, 'learning');
        if (limit !== null) meter.limit('learn', limit);
        for (const [count, ms] of ticks) {
          clock.now += ms;
          meter.tick(count);
        }
      });
      const fractions = shown.map(({ fraction }) => fraction);
      expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
      for (const { fraction, etaMs } of shown) {
        expect(fraction).toBeGreaterThanOrEqual(0);
        expect(fraction).toBeLessThanOrEqual(1);
        expect(etaMs === null || (Number.isFinite(etaMs) && etaMs >= 0)).toBe(true);
      }
    }),
    { numRuns: 60 },
  );
});

it('estimates the time that is left from the rate', () => {
  const { meter, shown, clock } = meterAt();
  meter.plan('teacher', null, 1000);
  meter.plan('learn', 5, 3000);
  meter.start('teacher', null, 'teacher');
  expect(shown.at(-1)?.etaMs).toBeNull();
  for (let i = 0; i < 100; i++) {
    clock.now += 50;
    meter.tick(10); // 0.2 evaluations a millisecond
  }
  meter.start('learn', 5, 'learning');
  expect(shown.at(-1)).toMatchObject({ phase: 'learn', nfe: 5, fraction: 0.25, message: 'learning' });
  expect(shown.at(-1)?.etaMs).toBeCloseTo(15_000, -2);
});

it('gives back what a stage that ended early had planned', () => {
  const { meter, shown } = meterAt();
  meter.plan('teacher', null, 900);
  meter.plan('evaluate', 5, 100);
  meter.start('teacher', null, 'from the cache');
  meter.start('evaluate', 5, 'evaluating');
  expect(shown.at(-1)?.fraction).toBeCloseTo(0.9);
});

it('bounds the time that is left by a budget of minutes', () => {
  const { meter, shown, clock } = meterAt();
  meter.plan('teacher', null, 100);
  meter.plan('learn', 4, 1e6);
  meter.plan('learn', 5, 1e6);
  meter.start('teacher', null, 'teacher');
  clock.now += 100;
  meter.tick(100); // one evaluation a millisecond
  meter.start('learn', 4, 'learning');
  meter.limit('learn', 2000);
  meter.say('learning');
  expect(shown.at(-1)?.etaMs).toBeCloseTo(4000, -1);
});

it('says at most about ten things a second while it counts', () => {
  const { meter, shown, clock } = meterAt();
  meter.plan('learn', 5, 1e5);
  meter.start('learn', 5, 'learning');
  for (let i = 0; i < 2000; i++) {
    clock.now += 1;
    meter.tick(10);
  }
  expect(shown.length).toBeGreaterThan(15);
  expect(shown.length).toBeLessThan(25);
});
