import { Command } from 'commander';
import { conformanceOnnxCommand } from './conformance-onnx-command';
import { conformanceSolversCommand } from './conformance-solvers-command';

/** `s4s conformance`: compares what this program computes with reference values in a folder. */
export function conformanceCommand(done: (code: number) => void): Command {
  return new Command('conformance')
    .description('compare with reference values in a folder')
    .addCommand(conformanceOnnxCommand(done).exitOverride())
    .addCommand(conformanceSolversCommand(done).exitOverride());
}
