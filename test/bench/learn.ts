import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { cellLabel, expectedCost, type Cell } from './learning/cells';
import { openProblem, problemIdentity } from './learning/open-problem';
import { parseLearnOptions, type LearnBenchOptions } from './learning/options';
import { planCells, type PlannedCell } from './learning/plan';
import { cacheFolder, type ProblemName } from './learning/problem';
import { reportOf } from './learning/report';
import { appendResult, readResults, type CellResult } from './learning/results';
import { runCell } from './learning/run-cell';
import { limitThreads } from './learning/threads';

/**
 * Learned solvers beside classic ones and beside each other. Each finished cell is a line of a file, so that an interrupted
 * run goes on where it was; at the end, and with `--report` at once, that file as tables.
 */
export async function benchLearn(args: readonly string[]): Promise<void> {
  const options = parseLearnOptions(args);
  limitThreads(options.threads);
  if (options.cell !== undefined) {
    endWithParent();
    console.log(JSON.stringify(await runCell(JSON.parse(options.cell) as Cell)));
    return;
  }
  const identities = new Map<ProblemName, string>();
  for (const name of options.problems) identities.set(name, await problemIdentity(name));
  const planned = (): PlannedCell[] => planCells(options, identities, readResults(options.out));
  const failed = options.report ? 0 : await runAll(options, planned);
  const results = readResults(options.out);
  console.log(
    reportOf(
      planned().flatMap(({ key }) => results.get(key) ?? []),
      options,
    ),
  );
  if (failed > 0) throw new Error(`${failed} cells failed; the same command tries them again.`);
}

/** @returns how many cells failed */

async function runAll(options: LearnBenchOptions, planned: () => PlannedCell[]): Promise<number> {
  const begun = Date.now();
  const program = frozenProgram();
  // Test noises and their teacher once, before the workers ask for them.
  for (const name of options.problems) await (await openProblem(name)).release();
  const running = new Map<string, Promise<void>>();
  const failed = new Set<string>();
  let doneCost = 0;
  let done = 0;
  const start = ({ key, cell }: PlannedCell): void => {
    const work = runInChild(program, cell, options.threads)
      .then((result) => {
        appendResult(options.out, { ...result, key });
        done += 1;
        doneCost += expectedCost(cell);
        const left = open().reduce((sum, planCell) => sum + expectedCost(planCell.cell), 0);
        const elapsed = Date.now() - begun;
        console.error(
          `${clock(elapsed)} ${cellLabel(cell)}: ${summary(result)}` +
            ` (${done} done, ${open().length} left, about ${clock((elapsed * left) / doneCost)})`,
        );
      })
      .catch((error: unknown) => {
        failed.add(key);
        console.error(`${cellLabel(cell)} failed: ${error instanceof Error ? error.message : String(error)}`);
      })
      .finally(() => running.delete(key));
    running.set(key, work);
  };
  const open = (): PlannedCell[] => {
    const results = readResults(options.out);
    return planned().filter(({ key }) => !results.has(key) && !failed.has(key));
  };
  for (;;) {
    const waiting = open().filter(({ key }) => !running.has(key));
    for (const next of waiting.slice(0, options.workers - running.size)) start(next);
    if (running.size === 0) break;
    await Promise.race(running.values());
  }
  return failed.size;
}

/** A copy of this program for the child processes: the next `npm run bench` writes over the one that runs. */
function frozenProgram(): string {
  const program = process.argv[1]!;
  const hash = createHash('sha256').update(readFileSync(program)).digest('hex').slice(0, 16);
  mkdirSync(cacheFolder, { recursive: true });
  const copy = resolve(cacheFolder, `program-${hash}.cjs`);
  copyFileSync(program, copy);
  return copy;
}

/** A fresh process for every cell: a thread each, and no cell inherits another's memory. */
function runInChild(program: string, cell: Cell, threads: number): Promise<Omit<CellResult, 'key'>> {
  const args = [program, 'learn', '--cell', JSON.stringify(cell), '--threads', String(threads)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (code) => {
      if (code !== 0) return fail(new Error(`its process ended with ${code}.`));
      const lines = Buffer.concat(parts).toString('utf8').trim().split('\n');
      done(JSON.parse(lines.at(-1)!) as Omit<CellResult, 'key'>);
    });
  });
}

/** The input of a child process closes when its parent goes, however that ends. */
function endWithParent(): void {
  process.stdin.on('close', () => process.exit(1));
  process.stdin.resume();
  process.stdin.unref();
}

function summary({ impossible, outcome }: Omit<CellResult, 'key'>): string {
  if (!outcome) return impossible ?? '';
  const { validation, quality, evaluations, seconds } = outcome;
  const digits = (value: number): string => value.toPrecision(3);
  return `validation ${digits(validation)}, test ${digits(quality.mse)}, ${evaluations} evaluations, ${seconds.toFixed(0)} s`;
}

function clock(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${String(Math.floor(ms / 1000) % 60).padStart(2, '0')}`;
}
