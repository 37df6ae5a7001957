import type { TableData } from '../src/protocol/table';

export interface HeatCell {
  readonly value: number;
  /** −1 … 1: what the colour shows, the signed square root of the entry over the largest one. */
  readonly heat: number;
}

/** One state y_{k+1}: the weight of x_T, then of D_0 … D_k. */
export interface HeatRow {
  readonly state: number;
  readonly cells: readonly HeatCell[];
}

/** Rows y_1 … y_N of a table. y_0 is left out: it is x_T times a factor that is one for every table made here. */
export function heatRows(table: TableData): HeatRow[] {
  const values = table.rows.map((row, k) => [table.start[k + 1] ?? 0, ...row]);
  const largest = Math.max(...values.flat().map(Math.abs), Number.MIN_VALUE);
  return values.map((row, k) => ({
    state: k + 1,
    // Last rows often hold a pair of large opposite weights; the root keeps the others apart from zero beside it.
    cells: row.map((value) => ({ value, heat: Math.sign(value) * Math.sqrt(Math.abs(value) / largest) })),
  }));
}

/** Entry by entry `to − from`; `undefined` for tables that cannot be compared. */
export function tableChange(from: TableData, to: TableData): TableData | undefined {
  if (from.nfe !== to.nfe || from.prediction !== to.prediction || from.space !== to.space) return undefined;
  const minus = (a: readonly number[], b: readonly number[]): number[] => a.map((value, i) => value - (b[i] ?? 0));
  return {
    ...to,
    times: minus(to.times, from.times),
    start: minus(to.start, from.start),
    rows: to.rows.map((row, k) => minus(row, from.rows[k] ?? [])),
  };
}
