import { expect, it } from 'vitest';
import { lossChart } from './loss-chart';

const points = (svg: string): [number, number][][] =>
  [...svg.matchAll(/points="([^"]*)"/g)].map(([, list]) =>
    list!
      .split(' ')
      .filter((point) => point !== '')
      .map((point) => point.split(',').map(Number) as [number, number]),
  );

it('draws both losses inside the frame, lower losses lower', () => {
  const svg = lossChart(5, [
    { iteration: 0, trainLoss: 0.5, validationLoss: 0.4 },
    { iteration: 1, trainLoss: 0.05, validationLoss: null },
    { iteration: 2, trainLoss: 0.004, validationLoss: 0.006 },
  ]);
  const [train, validation] = points(svg);
  expect([train?.length, validation?.length]).toEqual([3, 2]);
  for (const [x, y] of [...train!, ...validation!]) {
    expect(x).toBeGreaterThanOrEqual(64);
    expect(x).toBeLessThanOrEqual(624);
    expect(y).toBeGreaterThanOrEqual(28);
    expect(y).toBeLessThanOrEqual(244);
  }
  expect(train!.map(([, y]) => y)).toEqual(train!.map(([, y]) => y).toSorted((a, b) => a - b));
});

it.each([
  ['a single value', [{ iteration: 0, trainLoss: 1, validationLoss: 1 }]],
  ['zeros', [{ iteration: 0, trainLoss: 0, validationLoss: 0 }]],
  ['nothing', []],
])('survives %s', (_name, series) => {
  const svg = lossChart(3, series);
  expect(svg).not.toMatch(/NaN|Infinity/);
});
