import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import type { ExportFile } from '../export/export-file';
import { exportFormats } from '../export/formats';
import type { ExportFormat } from '../export/formats';
import { parseSolverFile } from '../export/read-solver-file';
import type { SolverFile } from '../export/solver-file';
import { isTemporary, writeAtomic } from '../jobs/atomic-write';
import { UserError } from '../jobs/user-error';
import { cancellable } from './cancellable';
import { wholeNumbers } from './number-list';

interface Options {
  readonly format: ExportFormat;
  readonly nfe?: readonly number[];
  readonly out?: string;
  readonly json?: true;
}

/** `s4s export`: a learned solver as files that another program loads. */
export function exportCommand(done: (code: number) => void): Command {
  return new Command('export')
    .description('write the solvers of a run as files that another program loads')
    .argument('<run>', 'a run folder, or its solver.json')
    .addOption(
      new Option('--format <name>', 'who is to load it').choices(Object.keys(exportFormats)).makeOptionMandatory(),
    )
    .addOption(
      new Option('--nfe <list>', 'only the solvers of these numbers of evaluations (default: all)').argParser(
        wholeNumbers,
      ),
    )
    .option('--out <dir>', 'folder for the files (default: export/FORMAT in the run folder)')
    .option('--json', 'print the result as one JSON object')
    .action(async (run: string, options: Options) => done(await runExport(resolve(run), options)));
}

function runExport(run: string, { format, nfe, out, json }: Options): Promise<number> {
  return cancellable(
    async (signal) => {
      const path = await solverPath(run);
      const file = chosen(path, await readSolver(path), nfe);
      const files = filesOf(path, file, format);
      const folder = resolve(out ?? join(dirname(path), 'export', format));
      const written = await writeFolder(folder, files, signal);
      const counts = file.solvers.map((solver) => solver.nfe);
      process.stdout.write(
        json
          ? `${JSON.stringify({ format, nfe: counts, folder, files: written }, null, 2)}\n`
          : `${counts.length === 1 ? 'A solver' : 'Solvers'} of ${counts.join(', ')} evaluations for ${format}\n${written.join('\n')}\n`,
      );
    },
    () => 'Stopped; the same command writes the whole folder.',
  );
}

async function solverPath(run: string): Promise<string> {
  const entry = await stat(run).catch(() => undefined);
  if (!entry) throw fileError(`${run} does not exist; name a run folder or its solver.json.`);
  if (!entry.isDirectory()) return run;
  const file = join(run, 'solver.json');
  if (await stat(file).catch(() => undefined)) return file;
  throw fileError(
    `${run} has no solver.json: it is no run folder, or its run has not come so far; resume it with s4s learn --resume ${run}.`,
  );
}

async function readSolver(path: string): Promise<SolverFile> {
  const text = await readFile(path, 'utf8');
  try {
    return parseSolverFile(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw fileError(`${path} is no solver.json that can be read: ${error.message}.`, error);
  }
}

/** The file with the solvers that were asked for. */
function chosen(path: string, file: SolverFile, nfe: readonly number[] | undefined): SolverFile {
  const counts = file.solvers.map((solver) => solver.nfe);
  if (counts.length === 0)
    throw fileError(`${path} holds no solvers: its run was stopped before it had one; resume it.`);
  const missing = nfe?.find((count) => !counts.includes(count));
  if (missing !== undefined) {
    throw fileError(`${path} has no solver of ${missing} evaluations; it has ${counts.join(', ')}.`);
  }
  return nfe ? { ...file, solvers: file.solvers.filter((solver) => nfe.includes(solver.nfe)) } : file;
}

function filesOf(path: string, file: SolverFile, format: ExportFormat): readonly ExportFile[] {
  try {
    return exportFormats[format](file);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw fileError(`${path} cannot be exported for ${format}: ${error.message}`, error);
  }
}

/**
 * Writes all files, each in one step, into a new or empty folder or over an older export of the same format.
 *
 * @returns the paths of the files
 * @throws UserError when the folder holds anything else
 */
async function writeFolder(
  folder: string,
  files: readonly ExportFile[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const entry = await stat(folder).catch(() => undefined);
  if (entry?.isDirectory() === false) throw outError(`${folder} is a file; name a folder with --out.`);
  await mkdir(folder, { recursive: true });
  const names = files.map(({ name }) => name);
  // Python leaves __pycache__ beside a module that it was imported from.
  const there = (await readdir(folder)).filter((name) => !isTemporary(name) && name !== '__pycache__');
  const stranger = there.find((name) => !names.includes(name)) ?? (there.includes(names[0]!) ? undefined : there[0]);
  if (stranger !== undefined) {
    throw outError(
      `${folder} is no older export: there is ${stranger} in it, and nothing is overwritten. Name a new or empty folder with --out.`,
    );
  }
  for (const { name, text } of files) {
    signal.throwIfAborted();
    await writeAtomic(join(folder, name), text);
  }
  return names.map((name) => join(folder, name));
}

const outError = (message: string): UserError => new UserError('solver-settings', message);
const fileError = (message: string, cause?: unknown): UserError => new UserError('solver-file', message, { cause });
