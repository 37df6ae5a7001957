import { readFile } from 'node:fs/promises';
import type { FeatureStatistics } from '../metrics/frechet';
import { UserError } from './user-error';

/**
 * Reads feature statistics of real data: JSON with `count`, `mean` (d numbers) and `cov` (d × d, row by row).
 *
 * @throws UserError that names the file
 */
export async function readFeatureStatistics(path: string): Promise<FeatureStatistics> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new UserError(
      'statistics-unreadable',
      `${path} is not a readable JSON file of feature statistics. Check evaluation.feature_statistics in solver.yaml.`,
      { cause: error },
    );
  }
  const { count, mean, cov } = (value ?? {}) as { count?: unknown; mean?: unknown; cov?: unknown };
  if (typeof count !== 'number' || !isNumbers(mean) || !isNumbers(cov) || cov.length !== mean.length ** 2) {
    throw new UserError(
      'statistics-shape',
      `${path} must hold "count", "mean" (d numbers) and "cov" (d × d numbers, row by row).`,
    );
  }
  return { count, mean: Float64Array.from(mean), cov: Float64Array.from(cov) };
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'number' && Number.isFinite(entry));
}
