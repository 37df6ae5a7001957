import { describe, expect, it } from 'vitest';
import type { TableData } from '../src/protocol/table';
import { heatRows, tableChange } from './heat';
import { chartData, lossRange, lossTicks } from './loss-data';
import { formatEntry, formatTime } from './numbers';
import type { Learning, SolverView } from './state';

const table: TableData = {
  nfe: 2,
  times: [999, 400.25],
  start: [1, 0.5, 0],
  rows: [[0.25], [-4, 1]],
  prediction: 'data',
  space: 'vp',
};

function learning(seed: number, losses: readonly (readonly [number, number, number | null])[]): Learning {
  const common = { kind: 'step', nfe: 5, seed, evaluations: 0, accepted: true, noiseShift: null, at: 0 } as const;
  const steps = losses.map(([iteration, trainLoss, validationLoss], seq) => {
    return { ...common, seq, iteration, trainLoss, validationLoss, bestValidationLoss: 1 };
  });
  return { seed, steps, ended: null };
}

/** With two classic solvers, the better one at 0.5. */
function solverOf(...learnings: Learning[]): SolverView {
  const baseline = { kind: 'baseline', nfe: 5, solver: 'DDIM', spacing: 'uniform', seq: 2, at: 0 } as const;
  return {
    nfe: 5,
    learnings,
    baselines: [
      { ...baseline, validationLoss: 0.75 },
      { ...baseline, spacing: 'karras', validationLoss: 0.5 },
    ],
    start: null,
    startTable: null,
    learnedTable: null,
    learnedPreview: null,
    classicPreview: null,
  };
}

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
    const first = learning(0, [
      [3, 0, null],
      [4, 0.5, 0.25],
    ]);
    expect(chartData({ solver: solverOf(first), best: first, floor: 0.125 })).toEqual([
      [3, 4],
      [null, 0.5],
      [null, 0.25],
      [0.5, 0.5],
      [0.125, 0.125],
    ]);
    expect(chartData(null)).toEqual([
      [0, 1],
      [null, null],
      [null, null],
      [null, null],
      [null, null],
    ]);
    expect(lossRange(null, null)).toEqual([0.001, 1]);
  });

  it('draws seeds on the iterations of all, the others by their validation only', () => {
    const first = learning(0, [
      [0, 8, 4],
      [10, 2, 1],
    ]);
    const second = learning(1, [
      [0, 6, 4],
      [5, 3, 2],
    ]);
    expect(chartData({ solver: solverOf(first, second), best: second, floor: null })).toEqual([
      [0, 5, 10],
      [6, 3, null],
      [4, 2, null],
      [0.5, 0.5, 0.5],
      [null, null, null],
      [4, null, 1],
    ]);
  });

  it('leaves out a floor so far below that it would press the curves flat', () => {
    const first = learning(0, [
      [0, 0.4, 0.4],
      [1, 0.3, 0.3],
    ]);
    const floorOf = (floor: number) => chartData({ solver: solverOf(first), best: first, floor })[4];
    expect(floorOf(0.02)).toEqual([0.02, 0.02]);
    expect(floorOf(0.002)).toEqual([null, null]);
  });
});
