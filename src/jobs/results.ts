import type { ResultRow } from '../protocol';

/** The learned row of a number of evaluations, and the best classic one. */
export function learnedAndClassic(
  results: readonly ResultRow[],
  nfe: number,
): [learned: ResultRow | undefined, classic: ResultRow | undefined] {
  const rows = results.filter((row) => row.nfe === nfe).sort((a, b) => a.mse - b.mse);
  return [rows.find((row) => row.learned), rows.find((row) => !row.learned)];
}

/** `3.2 times lower than the best classic solver`; a table chosen on validation noises may be higher on others. */
export function comparison(learned: ResultRow, classic: ResultRow): string {
  const ratio = classic.mse / learned.mse;
  const size = ratio >= 1 ? `${ratio.toFixed(1)} times lower` : `${(1 / ratio).toFixed(1)} times higher`;
  return `${size} than the best classic solver`;
}
