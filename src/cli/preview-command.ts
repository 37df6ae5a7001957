import { resolve } from 'node:path';
import { Command } from 'commander';
import { newRunDir } from './learn-command';
import { runInTerminal } from './run-in-terminal';
import type { RunOptions } from './run-in-terminal';

/** `s4s preview`: grids of teacher, classic and learned samples, without learning. */
export function previewCommand(done: (code: number) => void): Command {
  return new Command('preview')
    .description('draw samples of the teacher, a classic solver and the newest learned table')
    .argument('[solver.yaml]', 'the config to use', 'solver.yaml')
    .option('--out <dir>', 'run folder (default: a new one under "output" of the config)')
    .option('--json', 'print the run events as JSON lines')
    .action(async (file: string, options: RunOptions & { readonly out?: string }) => {
      const configPath = resolve(file);
      const runDir = resolve(options.out ?? (await newRunDir(configPath)));
      done(await runInTerminal({ task: 'preview', configPath, runDir, resume: false }, options));
    });
}
