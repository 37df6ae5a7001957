import { resolve } from 'node:path';
import { Command } from 'commander';
import { checkConfigFile, lineColumn } from '../jobs/load-config';
import { describeError } from '../jobs/user-error';
import { formatDiagnostic } from './diagnostics';

/** `s4s validate`: the editor's diagnostics in a terminal. */
export function validateCommand(done: (code: number) => void): Command {
  return new Command('validate')
    .description('check solver.yaml and the model it names')
    .argument('[solver.yaml]', 'the config to check', 'solver.yaml')
    .option('--json', 'print the diagnostics as JSON')
    .action(async (file: string, options: { readonly json?: true }) => {
      const path = resolve(file);
      try {
        const { text, diagnostics, config } = await checkConfigFile(path);
        if (options.json) {
          const rows = diagnostics.map((diagnostic) => ({ ...diagnostic, at: lineColumn(text, diagnostic.start) }));
          process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
        } else {
          for (const diagnostic of diagnostics) process.stdout.write(`${formatDiagnostic(path, text, diagnostic)}\n`);
          if (config) process.stdout.write(`${path} is fine.\n`);
        }
        done(config ? 0 : 2);
      } catch (error) {
        process.stderr.write(`${describeError(error)}\n`);
        done(2);
      }
    });
}
