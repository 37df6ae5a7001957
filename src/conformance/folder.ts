import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type * as z from 'zod';
import { caseFile, exactSolution, referenceCase, referenceFile } from './case';
import { exactSolutionId, runExactSolution } from './exact-solutions';
import { runCase, type CaseResult } from './run-case';
import { runSchedules, schedulesFile } from './schedules';

/** The cases of one file of a reference folder. */
export interface GroupResult {
  /** Name of the file without its ending. */
  readonly name: string;
  /** Why the whole file could not be checked, or null. */
  readonly problem: string | null;
  readonly cases: readonly CaseResult[];
}

/** A folder that cannot be checked at all. The message names the file and what is wrong with it. */
export class ReferenceFolderError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ReferenceFolderError';
  }
}

/** Files of the layout that hold no cases of their own. */
const withoutCases = new Set(['index.json', 'order_check.json', 'reference.json']);

/**
 * Checks the files of a folder one after the other; a file that cannot be checked is a result with the reason.
 *
 * @param filter parts of `file/case id`; a case needs one of them in its own, if there are any
 * @throws ReferenceFolderError when there is nothing to check or the start points are missing
 */
export async function* runFolder(folder: string, filter: readonly string[] = []): AsyncGenerator<GroupResult> {
  let files: string[];
  try {
    files = (await readdir(folder)).filter((file) => file.endsWith('.json')).sort();
  } catch (error) {
    throw new ReferenceFolderError(`${folder} is no folder that can be read; name one with SOLVER.json files.`, {
      cause: error,
    });
  }
  const names = files.filter((file) => !withoutCases.has(file)).map((file) => file.replace(/\.json$/, ''));
  if (names.length === 0 || !files.includes('reference.json')) {
    throw new ReferenceFolderError(
      `${folder} holds ${names.length === 0 ? 'no SOLVER.json with cases' : 'no reference.json with the start points'}.`,
    );
  }
  const reference = parse(referenceFile, await readJson(join(folder, 'reference.json')), 'reference.json');
  const chosen = (group: string, id: string): boolean =>
    filter.length === 0 || filter.some((part) => `${group}/${id}`.includes(part));
  for (const name of names) {
    try {
      if (name === 'schedules') {
        const file = parse(schedulesFile, await readJson(join(folder, 'schedules.json')), 'schedules.json');
        const results = runSchedules(file, reference.x_T).filter(({ id }) => chosen(name, id));
        if (results.length > 0) yield { name, problem: null, cases: results };
        continue;
      }
      const { cases, statistics } = parse(caseFile, await readJson(join(folder, `${name}.json`)), `${name}.json`);
      const results = cases
        .map((data, i) => ({ data, id: idOf(data, i) }))
        .filter(({ id }) => chosen(name, id))
        .map(({ data, id }) => {
          const read = referenceCase.safeParse(data);
          return read.success ? runCase(read.data, reference.x_T, statistics) : unread(id, read.error);
        });
      if (results.length > 0) yield { name, problem: null, cases: results };
    } catch (error) {
      if (!(error instanceof ReferenceFolderError)) throw error;
      if (chosen(name, '')) yield { name, problem: error.message, cases: [] };
    }
  }
  const exact: CaseResult[] = [];
  for (const [i, data] of reference.references.entries()) {
    const read = exactSolution.safeParse(data);
    const id = read.success ? exactSolutionId(read.data) : `#${i + 1}`;
    if (!chosen('reference', id)) continue;
    exact.push(read.success ? await runExactSolution(read.data, reference.x_T) : unread(id, read.error));
  }
  if (exact.length > 0) yield { name: 'reference', problem: null, cases: exact };
}

/** What a case calls itself, or its place in the file. */
function idOf(data: unknown, index: number): string {
  const id = typeof data === 'object' && data !== null && 'id' in data ? data.id : undefined;
  return typeof id === 'string' ? id : `#${index + 1}`;
}

function unread(id: string, error: z.ZodError): CaseResult {
  const [issue] = error.issues;
  const problem = `it is not laid out as it must be: ${issue?.path.join('.')}: ${issue?.message}`;
  return { id, passed: false, errors: {}, problem };
}

function parse<T extends z.ZodType>(schema: T, data: unknown, file: string): z.output<T> {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new ReferenceFolderError(`${file} is not laid out as it must be: ${issue?.path.join('.')}: ${issue?.message}`);
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ReferenceFolderError(`${path} cannot be read as JSON (${why}).`, { cause: error });
  }
}
