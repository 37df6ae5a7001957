import { Command, CommanderError } from 'commander';
import { version } from '../../package.json';
import { conformanceCommand } from './conformance-command';
import { evaluateCommand } from './evaluate-command';
import { exportCommand } from './export-command';
import { inspectCommand } from './inspect-command';
import { learnCommand } from './learn-command';
import { previewCommand } from './preview-command';
import { sampleCommand } from './sample-command';
import { validateCommand } from './validate-command';

/** Exit codes: 0 done, 1 the run failed, 2 the input is wrong, 130 cancelled. */
async function main(): Promise<number> {
  const program = new Command('s4s')
    .description('Learn a few-step solver for your diffusion model from its ONNX file.')
    .version(version)
    .exitOverride();
  let code = 0;
  for (const command of [
    learnCommand,
    previewCommand,
    sampleCommand,
    evaluateCommand,
    exportCommand,
    validateCommand,
    inspectCommand,
    conformanceCommand,
  ]) {
    program.addCommand(command((result) => (code = result)).exitOverride());
  }
  try {
    await program.parseAsync();
  } catch (error) {
    // Commander has said what is wrong; help and version end with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
  return code;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
