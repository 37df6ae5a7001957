import type { Override } from '../config';
import { ConfigError } from '../jobs/load-config';
import { runJob } from '../jobs/run';
import { isInputError } from '../jobs/user-error';
import type { JobOrder } from '../protocol';
import { formatDiagnostic } from './diagnostics';
import { TerminalView } from './terminal-view';

export interface RunOptions {
  readonly json?: true;
}

/**
 * Runs a job in this process and shows it. Ctrl-C stops it gently; a second Ctrl-C at once.
 *
 * @param overrides keys of solver.yaml that have another value in this run
 */
export async function runInTerminal(
  order: JobOrder,
  options: RunOptions,
  overrides: readonly Override[] = [],
): Promise<number> {
  const controller = new AbortController();
  const view = options.json ? undefined : new TerminalView(process.stdout, order.runDir);
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(130);
    view?.note('Stopping after this evaluation; press Ctrl-C again to stop at once.');
    controller.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  // Whoever read our output (`| head`) has gone: stop as with Ctrl-C. More such errors come with every line.
  process.stdout.on('error', () => controller.abort());
  try {
    const { status, message, error } = await runJob(
      order,
      (event) => {
        if (view) view.show(event);
        else process.stdout.write(`${JSON.stringify(event)}\n`);
      },
      controller.signal,
      overrides,
    );
    if (status === 'done') return 0;
    if (status === 'cancelled') {
      if (order.task === 'learn') view?.note(`Resume with: s4s learn --resume ${quoted(order.runDir)}`);
      return 130;
    }
    if (error instanceof ConfigError) {
      for (const diagnostic of error.diagnostics) {
        process.stderr.write(`${formatDiagnostic(error.path, error.text, diagnostic)}\n`);
      }
    } else {
      process.stderr.write(`${message}\n`);
    }
    return isInputError(error) ? 2 : 1;
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

/** As a shell takes it. */
function quoted(path: string): string {
  return /^[\w@%+=:,./\\-]+$/.test(path) ? path : `"${path}"`;
}
