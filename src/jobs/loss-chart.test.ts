import { expect, it } from 'vitest';
import { lossChart } from './loss-chart';

const points = (svg: string): [number, number][][] =>
  [...svg.matchAll(/points="([^"]*)"/g)].map(([, list]) =>
    list!
      .split(' ')
      .filter((point) => point !== '')
      .map((point) => point.split(',').map(Number) as [number, number]),
  );

const options = { nfe: 5, lossName: 'mse', floor: null };

it('draws both losses inside the frame, lower losses lower', () => {
  const svg = lossChart(
    [
      { iteration: 0, trainLoss: 0.5, validationLoss: 0.4 },
      { iteration: 1, trainLoss: 0.05, validationLoss: null },
      { iteration: 2, trainLoss: 0.004, validationLoss: 0.006 },
    ],
    options,
  );
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

it('draws the teacher’s own error below everything, dashed, and other seeds', () => {
  const series = [
    { iteration: 0, trainLoss: 0.5, validationLoss: 0.4 },
    { iteration: 1, trainLoss: 0.05, validationLoss: 0.06 },
  ];
  const svg = lossChart(series, { ...options, floor: 0.001, others: [[...series, { ...series[1]!, iteration: 4 }]] });
  const floor = Number(/y1="([\d.]+)"[^>]*stroke-dasharray/.exec(svg)?.[1]);
  const drawn = points(svg);
  expect(drawn.map((line) => line.length)).toEqual([3, 2, 2]);
  expect(floor).toBeLessThanOrEqual(244);
  for (const [x, y] of drawn.flat()) {
    expect(x).toBeLessThanOrEqual(624);
    expect(y).toBeLessThan(floor);
  }
  expect(lossChart(series, options)).not.toContain('stroke-dasharray');
});

it.each([
  ['a single value', [{ iteration: 0, trainLoss: 1, validationLoss: 1 }]],
  ['zeros', [{ iteration: 0, trainLoss: 0, validationLoss: 0 }]],
  ['nothing', []],
])('survives %s', (_name, series) => {
  const svg = lossChart(series, options);
  expect(svg).not.toMatch(/NaN|Infinity/);
});
