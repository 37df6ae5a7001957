import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assertValidTable,
  entryNames,
  rowOffset,
  tableEntries,
  tableFromData,
  tableFromVector,
  tableToData,
  tableToVector,
  type SolverTable,
} from './table';

const anyTable: fc.Arbitrary<SolverTable> = fc.integer({ min: 1, max: 8 }).chain((nfe) => {
  const numbers = (length: number): fc.Arbitrary<Float64Array> =>
    fc.float64Array({ minLength: length, maxLength: length, noNaN: true, noDefaultInfinity: true });
  return fc.record({
    nfe: fc.constant(nfe),
    times: numbers(nfe),
    start: numbers(nfe + 1),
    weights: numbers(rowOffset(nfe)),
    prediction: fc.constantFrom('data' as const, 'noise' as const, 'velocity' as const),
    space: fc.constantFrom('vp' as const, 've' as const, 'flow' as const),
  });
});

const small = tableFromData({
  nfe: 2,
  times: [10, 5],
  start: [1, 0.5, 0.25],
  rows: [[0.1], [0.2, 0.3]],
  prediction: 'data',
  space: 'vp',
});

describe('tables', () => {
  it('survive the way to plain data and back', () => {
    fc.assert(
      fc.property(anyTable, (table) => {
        expect(tableFromData(tableToData(table))).toEqual(table);
      }),
    );
  });

  it('survive the way to a vector and back', () => {
    fc.assert(
      fc.property(anyTable, (table) => {
        expect(tableFromVector(table, tableToVector(table))).toEqual(table);
      }),
    );
  });

  it('have their free entries in the documented order', () => {
    expect(entryNames(2)).toEqual(['s1', 's2', 'w1,0', 'w2,0', 'w2,1', 't0', 't1']);
    expect(Array.from(tableToVector(small))).toEqual([0.5, 0.25, 0.1, 0.2, 0.3, 10, 5]);
    const read = { start: small.start, weight: small.weights, time: small.times };
    const values = tableEntries(2).map(({ kind, index }) => read[kind][index]!);
    expect(values).toEqual(Array.from(tableToVector(small)));
  });

  it('say what is wrong with them', () => {
    expect(() => assertValidTable({ ...small, nfe: 0 })).toThrow('at least 1, got 0');
    expect(() => assertValidTable({ ...small, start: small.times })).toThrow('has 2 start weights; it must have 3');
    const times = Float64Array.from([10, Infinity]);
    expect(() => assertValidTable({ ...small, times })).toThrow('number 1 of its times is Infinity');
    const data = tableToData(small);
    expect(() => tableFromData({ ...data, rows: [[0.1]] })).toThrow('has 1 rows; it must have 2');
    expect(() => tableFromData({ ...data, rows: [[0.1, 1], [2]] })).toThrow('Row 0 of the solver table has 2 weights');
    expect(() => tableFromVector(small, new Float64Array(6))).toThrow('has 7 free entries; the vector has 6');
  });
});
