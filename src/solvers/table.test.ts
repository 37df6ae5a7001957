import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assertPlainTable,
  assertValidTable,
  entryNames,
  rowOffset,
  tableEntries,
  tableFromData,
  tableFromVector,
  tableToData,
  tableToVector,
  type SolverTable,
  type TableData,
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

/** Tables with constants and one number for each of 1 to 4 elements, as DPM-Solver-v3 has them. */
const anyWideTable: fc.Arbitrary<SolverTable> = fc
  .tuple(anyTable, fc.integer({ min: 1, max: 4 }), fc.boolean())
  .map(([table, width, constants]) => {
    const widen = (values: Float64Array): Float64Array =>
      Float64Array.from(
        { length: values.length * width },
        (_, i) => values[Math.floor(i / width)]! / (1 + (i % width)),
      );
    const start = widen(table.start);
    return {
      ...table,
      start,
      weights: widen(table.weights),
      ...(constants ? { offset: start.toReversed() } : {}),
      ...(width > 1 ? { width } : {}),
    };
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
  it('survive the way to JSON and back', () => {
    fc.assert(
      fc.property(anyWideTable, (table) => {
        const text = JSON.stringify(tableToData(table));
        // JSON has no -0; for a weight it is the 0 it stands for.
        const plain = (values: Float64Array): Float64Array => values.map((value) => value + 0);
        expect(tableFromData(JSON.parse(text) as TableData)).toEqual({
          ...table,
          times: plain(table.times),
          start: plain(table.start),
          weights: plain(table.weights),
          ...(table.offset ? { offset: plain(table.offset) } : {}),
        });
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

  describe('with constants or numbers for each element', () => {
    const data = tableToData(small);
    const wide: TableData = {
      ...data,
      width: 2,
      start: [1, 1, 0.5, 0.6, 0.25, 0.3],
      rows: [
        [0.1, 0.2],
        [0.3, 0.4, 0.5, 0.6],
      ],
      offset: [0, 0, 1, 2, 3, 4],
    };

    it('must have as many numbers as their width asks for', () => {
      expect(tableFromData(wide).width).toBe(2);
      expect(() => tableFromData({ ...wide, width: 3 })).toThrow('has 2 weights; it must have 3');
      expect(() => tableFromData({ ...wide, start: [1, 1] })).toThrow('has 2 start weights; it must have 6');
      expect(() => tableFromData({ ...wide, offset: [1, 2, 3] })).toThrow('has 3 constants; it must have 6');
      expect(() => tableFromData({ ...wide, offset: [0, 0, 1, NaN, 3, 4] })).toThrow(
        'number 3 of its constants is NaN',
      );
      expect(() => assertValidTable({ ...small, width: 0 })).toThrow('at least 1, got 0');
    });

    it('are refused where all numbers must be free to move', () => {
      const sentence =
        'This table has weights for each element of a sample (DPM-Solver-v3); it can be run, not learned.';
      expect(() => assertPlainTable(small)).not.toThrow();
      expect(() => tableToVector(tableFromData(wide))).toThrow(sentence);
      expect(() => tableToVector(tableFromData({ ...data, offset: [0, 1, 2] }))).toThrow(sentence);
    });
  });
});
