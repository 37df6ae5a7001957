import { describe, expect, it } from 'vitest';
import type { TableData } from '../src/protocol/table';
import { heatRows, tableChange } from './heat';
import { chartData, lossRange, lossTicks } from './loss-data';
import { formatEntry, formatTime } from './numbers';

const table: TableData = {
  nfe: 2,
  times: [999, 400.25],
  start: [1, 0.5, 0],
  rows: [[0.25], [-4, 1]],
  prediction: 'data',
  space: 'vp',
};

describe('numbers on the page', () => {
  it('keeps table entries short and signed', () => {
    expect([0.43215, -4.02, -12.345, 345.6, -1234, -0.0001].map(formatEntry)).toEqual([
      '0.432',
      '−4.020',
      '−12.3',
      '346',
      '−1.2e3',
      '0.000',
    ]);
  });

  it('writes times whole where they are whole', () => {
    expect([999, 400.256, 0.98765].map(formatTime)).toEqual(['999', '400.3', '0.9877']);
  });

  it('lays a table out state by state, coloured by the largest entry', () => {
    expect(heatRows(table)).toEqual([
      {
        state: 1,
        cells: [
          { value: 0.5, heat: Math.sqrt(0.125) },
          { value: 0.25, heat: 0.25 },
        ],
      },
      {
        state: 2,
        cells: [
          { value: 0, heat: 0 },
          { value: -4, heat: -1 },
          { value: 1, heat: 0.5 },
        ],
      },
    ]);
  });

  it('compares tables only where their entries mean the same', () => {
    const learned: TableData = { ...table, times: [999, 410.25], rows: [[0.75], [-4, 2]] };
    expect(tableChange(table, learned)).toMatchObject({ times: [0, 10], start: [0, 0, 0], rows: [[0.5], [0, 1]] });
    expect(tableChange(table, { ...learned, space: 've' })).toBeUndefined();
  });

  it('puts ticks at 1, 2 and 5 of each decade, and only at decades in a wide range', () => {
    expect(lossTicks(0.004, 0.03)).toEqual([0.005, 0.01, 0.02]);
    expect(lossTicks(0.00002, 3)).toEqual([0.0001, 0.001, 0.01, 0.1, 1]);
  });

  it('leaves what a log axis cannot show out of the curves', () => {
    const step = { kind: 'step', nfe: 5, evaluations: 0, accepted: true, bestValidationLoss: 1, at: 0 } as const;
    const steps = [
      { ...step, seq: 0, iteration: 3, trainLoss: 0, validationLoss: null },
      { ...step, seq: 1, iteration: 4, trainLoss: 0.5, validationLoss: 0.25 },
    ];
    const baseline = { kind: 'baseline', nfe: 5, solver: 'DDIM', spacing: 'uniform', seq: 2, at: 0 } as const;
    const solver = {
      nfe: 5,
      steps,
      baselines: [
        { ...baseline, validationLoss: 0.75 },
        { ...baseline, spacing: 'karras', validationLoss: 0.5 },
      ],
      startTable: null,
      learnedTable: null,
      learnedPreview: null,
      classicPreview: null,
    };
    expect(chartData(solver)).toEqual([
      [3, 4],
      [null, 0.5],
      [null, 0.25],
      [0.5, 0.5],
    ]);
    expect(chartData(null)).toEqual([
      [0, 1],
      [null, null],
      [null, null],
      [null, null],
    ]);
    expect(lossRange(null, null)).toEqual([0.001, 1]);
  });
});
