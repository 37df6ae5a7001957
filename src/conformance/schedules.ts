import * as z from 'zod';
import { withinTolerances, type CaseResult } from './run-case';
import { gridCheckers } from './schedule-grids';
import { optimisedCheckers } from './schedule-optimised';

/** A stored grid against ours; `errors` are compared with the tolerances that cases have. */
export type ScheduleChecker = (
  entry: unknown,
  /** Unit start noise of the reference folder, flat [samples][2]. */
  xT: readonly number[],
) => Pick<CaseResult, 'id' | 'errors'>;

/** The checker of each list of schedules.json. */
const checkers: Readonly<Record<string, ScheduleChecker>> = { ...gridCheckers, ...optimisedCheckers };

/** schedules.json: lists of grids and time parameterisations by the program and schedule they belong to. */
export const schedulesFile = z.record(z.string(), z.array(z.unknown()));

/** Checks every entry of schedules.json; one of a list without a checker, or that a checker cannot read, has failed. */
export function runSchedules(
  file: z.output<typeof schedulesFile>,
  xT: readonly number[],
  known: Readonly<Record<string, ScheduleChecker>> = checkers,
): CaseResult[] {
  return Object.entries(file).flatMap(([key, entries]) =>
    entries.map((entry, i): CaseResult => {
      const checker = known[key];
      const failed = { id: `${key} ${i + 1}`, passed: false, errors: {} };
      if (!checker) return { ...failed, problem: `no grid is made for "${key}" yet` };
      try {
        const { id, errors } = checker(entry, xT);
        return { id: `${key} ${id}`, passed: withinTolerances(errors), errors, problem: null };
      } catch (error) {
        return { ...failed, problem: error instanceof Error ? error.message : String(error) };
      }
    }),
  );
}
