import { existsSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import type { JobOrder } from '../protocol';
import { loadConfig } from '../jobs/load-config';
import { count } from './number-list';
import { runInTerminal } from './run-in-terminal';
import type { RunOptions } from './run-in-terminal';

interface LearnOptions extends RunOptions {
  readonly out?: string;
  readonly resume?: string | true;
  readonly seeds?: number;
}

/** `s4s learn`: learns a solver as solver.yaml says. */
export function learnCommand(done: (code: number) => void): Command {
  return new Command('learn')
    .description('learn a solver as solver.yaml says; Ctrl-C keeps the best table so far')
    .argument('[solver.yaml]', 'the config to run', 'solver.yaml')
    .option('--out <dir>', 'run folder (default: a new one under "output" of the config)')
    .option('--resume [dir]', 'go on with an interrupted run folder (default: the one of --out)')
    .addOption(
      new Option('--seeds <n>', 'learn each solver n times from other training noises, instead of training.seeds')
        .argParser(count)
        .conflicts('resume'),
    )
    .option('--json', 'print the run events as JSON lines')
    .action(async (file: string, options: LearnOptions) => {
      const configPath = resolve(file);
      const resumeDir = typeof options.resume === 'string' ? options.resume : options.out;
      if (options.resume !== undefined && resumeDir === undefined) {
        process.stderr.write('Name the run folder to go on with (s4s learn --resume DIR).\n');
        done(2);
        return;
      }
      const order: JobOrder = {
        task: 'learn',
        configPath,
        runDir: resolve(options.resume === undefined ? (options.out ?? (await newRunDir(configPath))) : resumeDir!),
        resume: options.resume !== undefined,
      };
      const { seeds } = options;
      const overrides = seeds === undefined ? [] : [{ key: ['training', 'seeds'], value: seeds }];
      done(await runInTerminal(order, options, overrides));
    });
}

/** `<output>/<config name>-YYYYMMDD-HHMMSS`. A config with errors has no output: its folder, which is then not made. */
export async function newRunDir(configPath: string): Promise<string> {
  const stamp = new Date().toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const name = `${basename(configPath, extname(configPath))}-${stamp}`;
  const output = await loadConfig(configPath).then(
    (config) => config.output,
    () => join(dirname(configPath), 'runs'),
  );
  let path = join(output, name);
  for (let i = 2; existsSync(path); i++) path = join(output, `${name}-${i}`);
  return path;
}
