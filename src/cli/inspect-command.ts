import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { OnnxError, openModelFile } from '../onnx';
import { inspectModel } from '../onnx/inspect';
import { inspectionText } from './inspect-report';

type Shapes = ReadonlyMap<string, readonly number[]>;

/** `s4s inspect`: what is in a model file, what it costs, and whether it has a gradient. */
export function inspectCommand(done: (code: number) => void): Command {
  return new Command('inspect')
    .description('say what is in an ONNX model, what a sample costs, and what would block a gradient')
    .argument('<model.onnx>', 'the model')
    .option(
      '--shape <name=sizes>',
      'sizes of an input whose dimensions the file leaves open, such as sample=1x4x64x64 (repeatable)',
      addShape,
      new Map(),
    )
    .option('--json', 'print one JSON object')
    .action(async (file: string, { shape, json }: { readonly shape: Shapes; readonly json?: true }) => {
      const path = resolve(file);
      try {
        const model = await openModelFile(path);
        const inspection = inspectModel(model, (await stat(path)).size, shape);
        process.stdout.write(json ? `${JSON.stringify(inspection, null, 2)}\n` : inspectionText(inspection));
        done(0);
      } catch (error) {
        if (!(error instanceof OnnxError)) throw error;
        process.stderr.write(`${error.message}\n`);
        done(2);
      }
    });
}

function addShape(text: string, shapes: Shapes): Shapes {
  const match = /^(.+)=(\d+(?:x\d+)*)?$/.exec(text);
  if (match === null) throw new InvalidArgumentError('write it as NAME=1x4x64x64.');
  const [, name = '', sizes = ''] = match;
  return new Map(shapes).set(name, sizes === '' ? [] : sizes.split('x').map(Number));
}
