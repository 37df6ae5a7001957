import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import type { Override } from '../config';
import { loadConfig } from '../jobs/load-config';
import { drawSamples } from '../jobs/sample';
import { isSpacing, sampleSpacings, solverNames } from '../jobs/sample-table';
import type { SampleGrid, SampleSolver, SampleSpacing } from '../jobs/sample-table';
import { UserError } from '../jobs/user-error';
import { cancellable } from './cancellable';
import { count, positive, realNumbers, wholeNumbers } from './number-list';

interface Options {
  readonly solver: string;
  readonly nfe?: number;
  readonly order?: number;
  readonly variant?: string;
  readonly spacing?: SampleSpacing;
  readonly times?: readonly number[];
  readonly sigmas?: readonly number[];
  readonly toZero?: true;
  readonly afs?: true;
  readonly statistics?: string;
  readonly rtol: number;
  readonly seeds: readonly number[];
  readonly labels?: readonly number[];
  readonly prompt: readonly string[];
  readonly negativePrompt?: string;
  readonly guidance?: number;
  readonly device?: string;
  readonly out: string;
  readonly json?: true;
}

const defaultNfe = 5;

/** `s4s sample`: pictures and tensors with any solver, classic or learned. */
export function sampleCommand(done: (code: number) => void): Command {
  return new Command('sample')
    .description('draw samples of the model in solver.yaml with any solver: a PNG grid and a safetensors file')
    .argument('[solver.yaml]', 'the config that names the model', 'solver.yaml')
    .option('--solver <name>', `${solverNames.join(', ')}, dpm_v3, adaptive, or a run folder or solver.json`, 'unipc')
    .addOption(new Option('--nfe <n>', `network evaluations a sample (default: ${defaultNfe})`).argParser(count))
    .addOption(new Option('--order <p>', 'order of the solver (default: its highest up to 3)').argParser(count))
    .option('--variant <name>', 'variant of the solver, see docs/solvers.md')
    .addOption(
      new Option(
        '--spacing <name>',
        'where the evaluations are (default: logsnr; uniform for zero terminal SNR)',
      ).choices(sampleSpacings),
    )
    .addOption(
      new Option('--times <list>', 'falling times of the grid, ends included')
        .argParser(realNumbers)
        .conflicts('sigmas'),
    )
    .addOption(new Option('--sigmas <list>', 'falling noise levels sigma/alpha of the grid').argParser(realNumbers))
    .option('--to-zero', 'end with a step to sigma 0 instead of at the end of the schedule')
    .option('--afs', 'analytic first step: one evaluation more for the rest')
    .option('--statistics <file>', 'model statistics of dpm_v3 (JSON with lambda, l, s, b)')
    .addOption(new Option('--rtol <x>', 'tolerance of the adaptive solver').argParser(positive).default(1e-4))
    .addOption(
      new Option('--seeds <list>', 'seeds, one sample each')
        .argParser(wholeNumbers)
        .default(wholeNumbers('0-15'), '0-15'),
    )
    .addOption(
      new Option('--labels <list>', 'class labels in turn, instead of those of the config').argParser(wholeNumbers),
    )
    .option('--prompt <text>', 'prompt, instead of those of the config (repeatable: in turn)', append, [])
    .option('--negative-prompt <text>', 'the other branch of guidance with prompts')
    .addOption(new Option('--guidance <g>', 'guidance scale, instead of that of the config').argParser(Number))
    .option('--device <name>', 'auto, cpu, webgpu, cuda, dml or coreml, instead of that of the config')
    .option('--out <dir>', 'folder for samples.png and samples.safetensors', 'samples')
    .option('--json', 'print the result as one JSON object')
    .action(async (file: string, options: Options) => done(await runSample(resolve(file), options)));
}

function runSample(path: string, options: Options): Promise<number> {
  return cancellable(
    async (signal, progress) => {
      const config = await loadConfig(path, overridesOf(options));
      const solver = solverOf(options);
      const result = await drawSamples(
        { config, solver, seeds: options.seeds, out: resolve(options.out) },
        { signal, onProgress: (evaluations, total) => progress.show(evaluations, total) },
      );
      progress.clear();
      for (const warning of result.warnings) process.stderr.write(`${warning}\n`);
      if (options.json) {
        process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
        return;
      }
      const nfe = Number.isInteger(result.nfe) ? result.nfe : result.nfe.toFixed(1);
      process.stdout.write(
        `${options.seeds.length} samples by ${result.solver}, ${nfe} evaluations each, ` +
          `in ${result.seconds.toFixed(1)} s on ${result.device}\n${result.files.join('\n')}\n`,
      );
    },
    () => 'Stopped; nothing was written.',
  );
}

function solverOf(options: Options): SampleSolver {
  const { solver, order, spacing } = options;
  const nfe = options.nfe ?? defaultNfe;
  if (solver === 'adaptive') return { kind: 'adaptive', rtol: options.rtol };
  const chosenOrder = order === undefined ? {} : { order };
  if (solver === 'dpm_v3') {
    if (options.statistics === undefined)
      throw inputError('dpm_v3 needs the statistics of the model: --statistics FILE.');
    if (spacing !== undefined && !isSpacing(spacing)) throw inputError('dpm_v3 takes a spacing of the schedule only.');
    return {
      kind: 'dpm_v3',
      statistics: resolve(options.statistics),
      ...chosenOrder,
      nfe,
      ...(spacing === undefined ? {} : { spacing }),
    };
  }
  if (!solverNames.includes(solver) && /[./\\]/.test(solver)) {
    return { kind: 'learned', path: resolve(solver), ...(options.nfe === undefined ? {} : { nfe: options.nfe }) };
  }
  const grid: SampleGrid = options.times
    ? { kind: 'times', values: options.times }
    : options.sigmas
      ? { kind: 'sigmas', values: options.sigmas }
      : { kind: 'spacing', ...(spacing === undefined ? {} : { name: spacing }) };
  return {
    kind: 'classic',
    solver,
    ...chosenOrder,
    ...(options.variant === undefined ? {} : { variant: options.variant }),
    nfe,
    grid,
    toZero: options.toZero === true,
    analyticFirstStep: options.afs === true,
  };
}

/** Conditions given on the command line take the place of all those in the file. */
function overridesOf({ labels, prompt, negativePrompt, guidance, device }: Options): Override[] {
  if (labels && prompt.length > 0) throw inputError('Give labels or prompts, not both.');
  const overrides: Override[] = [];
  const set = (value: unknown, ...key: string[]): void => void overrides.push({ key, value });
  if (labels || prompt.length > 0) {
    for (const key of ['class_labels', 'prompts', 'tensors', 'unconditional_tensors'])
      set(undefined, 'model', 'conditioning', key);
    if (labels) set(labels, 'model', 'conditioning', 'class_labels');
    else set(prompt, 'model', 'conditioning', 'prompts');
  }
  if (negativePrompt !== undefined) set(negativePrompt, 'model', 'conditioning', 'negative_prompt');
  if (guidance !== undefined) set(guidance, 'model', 'conditioning', 'guidance_scale');
  if (device !== undefined) set(device, 'device');
  return overrides;
}

const inputError = (message: string): UserError => new UserError('solver-settings', message);

const append = (value: string, all: readonly string[]): string[] => [...all, value];
