import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { writeAtomic } from '../jobs/atomic-write';
import { evaluateTables } from '../jobs/evaluate-tables';
import type { ClassicContender } from '../jobs/evaluate-candidates';
import type { Evaluation } from '../jobs/evaluation-file';
import { loadConfig } from '../jobs/load-config';
import { cancellable } from './cancellable';
import { evaluationChart } from './evaluate-chart';
import { evaluationLines, evaluationMarkdown } from './evaluate-report';
import { wholeNumbers } from './number-list';
import { solverList } from './solver-list';

interface Options {
  readonly solvers: readonly (ClassicContender | 'classics')[];
  readonly runs: readonly string[];
  readonly nfe: readonly number[];
  readonly samples: number;
  readonly seed: number;
  readonly device?: string;
  readonly out: string;
  readonly json?: true;
}

/** `s4s evaluate`: any solvers against the teacher at equal evaluations, on noises that nothing was learned from. */
export function evaluateCommand(done: (code: number) => void): Command {
  return new Command('evaluate')
    .description('compare solvers, classic or learned, with the teacher at equal numbers of network evaluations')
    .argument('[solver.yaml]', 'the config that names model and teacher', 'solver.yaml')
    .addOption(
      new Option(
        '--solvers <list>',
        'classic solvers as NAME-ORDER/VARIANT:SPACING, or classics for all that learning compares with',
      )
        .argParser(solverList)
        .default(solverList('classics'), 'classics'),
    )
    .option('--runs <path...>', 'run folders or solver.json files of learned solvers', [])
    .addOption(
      new Option('--nfe <list>', 'numbers of evaluations')
        .argParser(evaluationCounts)
        .default([3, 4, 5, 6, 8, 10], '3,4,5,6,8,10'),
    )
    .addOption(new Option('--samples <n>', 'number of noises').argParser(sampleCount).default(256))
    .addOption(
      new Option('--seed <n>', 'seed of the noises, of the projections and of the resamples')
        .argParser(seed)
        .default(0),
    )
    .option('--device <name>', 'auto, cpu, webgpu, cuda, dml or coreml, instead of that of the config')
    .option('--out <dir>', 'folder for evaluation.json, evaluation.md and pareto.svg', 'evaluation')
    .option('--json', 'print the results as one JSON object')
    .addHelpText('after', '\nResults are kept in the folder as they come: the same command goes on after a stop.')
    .action(async (file: string, options: Options) => done(await runEvaluate(resolve(file), options)));
}

function runEvaluate(path: string, options: Options): Promise<number> {
  const out = resolve(options.out);
  let results: { readonly evaluation: Evaluation; readonly left: number } | undefined;
  return cancellable(
    async (signal, progress) => {
      const overrides = options.device === undefined ? [] : [{ key: ['device'], value: options.device }];
      const config = await loadConfig(path, overrides);
      const { solvers, nfe, samples } = options;
      const runs = options.runs.map((run) => resolve(run));
      const warnings = await evaluateTables(
        { config, solvers, runs, nfe, samples, seed: options.seed, out },
        {
          signal,
          onProgress: (evaluations, total) => progress.show(evaluations, total),
          onResults: (evaluation, left) => (results = { evaluation, left }),
        },
      );
      progress.clear();
      for (const warning of warnings) process.stderr.write(`${warning}\n`);
      const { evaluation } = results!;
      const files = await writeReport(out, evaluation);
      if (options.json) process.stdout.write(`${JSON.stringify(withoutErrors(evaluation), null, 2)}\n`);
      else process.stdout.write(`${[...evaluationLines(evaluation), '', ...files].join('\n')}\n`);
    },
    async () => {
      if (results) await writeReport(out, results.evaluation);
      const kept = results
        ? `${results.evaluation.results.length} tables are measured and kept in ${out}, ${results.left} are left; `
        : '';
      return `Stopped; ${kept}the same command goes on from here.`;
    },
  );
}

async function writeReport(out: string, evaluation: Evaluation): Promise<string[]> {
  const [markdown, chart] = [join(out, 'evaluation.md'), join(out, 'pareto.svg')];
  await writeAtomic(chart, evaluationChart(evaluation));
  await writeAtomic(markdown, evaluationMarkdown(evaluation));
  return [join(out, 'evaluation.json'), markdown, chart];
}

/** The errors of every sample are in evaluation.json; nobody wants them in a terminal. */
function withoutErrors(evaluation: Evaluation): unknown {
  return JSON.parse(JSON.stringify(evaluation, (key, value: unknown) => (key === 'errors' ? undefined : value)));
}

function evaluationCounts(text: string): number[] {
  const counts = [...new Set(wholeNumbers(text))].sort((a, b) => a - b);
  if (counts[0]! >= 1 && counts.at(-1)! <= 1000) return counts;
  throw new InvalidArgumentError('numbers of evaluations are from 1 to 1000.');
}

function sampleCount(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 2 && value <= 100_000) return value;
  throw new InvalidArgumentError('it must be a whole number from 2 to 100000.');
}

function seed(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= 0 && value < 2 ** 31) return value;
  throw new InvalidArgumentError('it must be a whole number from 0 to 2147483647.');
}
