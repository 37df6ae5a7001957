import { isAdam, type BenchMethod } from './methods';
import type { CellOutcome, CellResult } from './results';

/** What a method found, one outcome a seed; of Adam's rates the best on validation. */
export function cellsOf(results: readonly CellResult[], method: BenchMethod, nfe: number): CellOutcome[] {
  return [...bySeed(results, method, nfe).values()];
}

/** The same by seed. */
export function bySeed(results: readonly CellResult[], method: BenchMethod, nfe: number): Map<number, CellOutcome> {
  const found = new Map<number, CellOutcome>();
  for (const { cell, outcome } of results) {
    if (cell.method !== method || cell.nfe !== nfe || !outcome) continue;
    const known = found.get(cell.seed);
    if (!known || (isAdam(method) && outcome.validation < known.validation)) found.set(cell.seed, outcome);
  }
  return found;
}

export function tableLine(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** Three digits, small numbers with an exponent. */
export function short(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  return Math.abs(value) < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(3)));
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}
