import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { ReferenceFileError } from '../onnx/conformance/reference';
import { UserError } from '../jobs/user-error';
import { listModels, type ReferenceFiles } from './conformance-onnx-folder';
import { runModels } from './conformance-onnx-run';
import { caseLine, problemLines, summarise } from './conformance-onnx-report';
import type { ConformanceDevice } from './conformance-onnx-run';

interface Options {
  readonly device: ConformanceDevice;
  readonly filter: readonly string[];
  readonly json?: true;
}

/** `s4s conformance onnx DIR`: gradients of the models in a folder against their reference values. */
export function conformanceOnnxCommand(done: (code: number) => void): Command {
  return new Command('onnx')
    .description('check forward values and gradients of the ONNX models in a folder (NAME.onnx with NAME.json)')
    .argument('<dir>', 'folder with models and reference values, and an index.json if it has one')
    .addOption(
      new Option('--device <device>', 'where to run; a device other than the CPU is compared with the CPU')
        .choices(['cpu', 'webgpu', 'cuda', 'dml', 'coreml'] satisfies ConformanceDevice[])
        .default('cpu'),
    )
    .option('--filter <name>', 'only models whose name contains this (repeatable)', append, [])
    .option('--json', 'print the results as one JSON object')
    .action(async (dir: string, { device, filter, json }: Options) => {
      let models: ReferenceFiles[];
      try {
        models = await listModels(resolve(dir), filter);
      } catch (error) {
        if (!(error instanceof UserError || error instanceof ReferenceFileError)) throw error;
        process.stderr.write(`${error.message}\n`);
        done(2);
        return;
      }
      const print = (line: string): void => void (json === undefined && process.stdout.write(`${line}\n`));
      const results = [];
      for await (const result of runModels(models, device)) {
        print(result.name);
        for (const line of problemLines(result)) print(line);
        for (const line of result.cases) print(caseLine(line));
        results.push(result);
      }
      const summary = summarise(results);
      if (json) process.stdout.write(`${JSON.stringify({ device, models: results, ...summary }, null, 2)}\n`);
      else if (summary.medianGradientError !== null) {
        const cases = `${summary.float32Cases} float32 ${summary.float32Cases === 1 ? 'case' : 'cases'}`;
        print(`\nmedian gradient error over ${cases}: ${summary.medianGradientError.toExponential(1)}`);
      }
      print(`${summary.passed} passed, ${summary.failed} failed`);
      done(summary.failed === 0 ? 0 : 1);
    });
}

const append = (value: string, all: readonly string[]): string[] => [...all, value];
