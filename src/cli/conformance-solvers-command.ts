import { resolve } from 'node:path';
import { Command } from 'commander';
import { ReferenceFolderError, runFolder, type GroupResult } from '../conformance/folder';
import { groupLines } from './conformance-solvers-report';

interface Options {
  readonly filter: readonly string[];
  readonly json?: true;
}

/** `s4s conformance solvers DIR`: solver tables against runs of the published programs. */
export function conformanceSolversCommand(done: (code: number) => void): Command {
  return new Command('solvers')
    .description('check solver tables, grids and samples against runs of the published programs')
    .argument('<dir>', 'folder with SOLVER.json files and reference.json')
    .option('--filter <name>', 'only cases whose "file/id" contains this (repeatable)', append, [])
    .option('--json', 'print the results as one JSON object')
    .action(async (dir: string, { filter, json }: Options) => {
      const groups: GroupResult[] = [];
      try {
        for await (const group of runFolder(resolve(dir), filter)) {
          groups.push(group);
          if (!json) process.stdout.write(`${groupLines(group).join('\n')}\n`);
        }
      } catch (error) {
        if (!(error instanceof ReferenceFolderError)) throw error;
        process.stderr.write(`${error.message}\n`);
        done(2);
        return;
      }
      const cases = groups.flatMap((group) => group.cases);
      const passed = cases.filter((result) => result.passed).length;
      const failed = cases.length - passed + groups.filter(({ problem }) => problem !== null).length;
      if (json) process.stdout.write(`${JSON.stringify({ groups, passed, failed }, null, 2)}\n`);
      else process.stdout.write(`${passed} passed, ${failed} failed\n`);
      done(failed === 0 && passed > 0 ? 0 : 1);
    });
}

const append = (value: string, all: readonly string[]): string[] => [...all, value];
