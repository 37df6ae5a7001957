import { ConfigError } from '../jobs/load-config';
import { runJob } from '../jobs/run';
import { UserError } from '../jobs/user-error';
import type { JobOrder } from '../protocol';
import { formatDiagnostic } from './diagnostics';
import { TerminalView } from './terminal-view';

export interface RunOptions {
  readonly json?: true;
}

/** Runs a job in this process and shows it. Ctrl-C stops it gently; a second Ctrl-C at once. */
export async function runInTerminal(order: JobOrder, options: RunOptions): Promise<number> {
  const controller = new AbortController();
  const view = options.json ? undefined : new TerminalView(process.stdout, order.runDir);
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(130);
    view?.note('Stopping after this evaluation; press Ctrl-C again to stop at once.');
    controller.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    const { status, error } = await runJob(
      order,
      (event) => {
        if (view) view.show(event);
        else process.stdout.write(`${JSON.stringify(event)}\n`);
      },
      controller.signal,
    );
    if (status === 'done') return 0;
    if (status === 'cancelled') {
      view?.note(`Resume with: s4s learn --resume ${order.runDir}`);
      return 130;
    }
    if (error instanceof ConfigError) {
      for (const diagnostic of error.diagnostics) {
        process.stderr.write(`${formatDiagnostic(error.path, error.text, diagnostic)}\n`);
      }
    }
    return error instanceof UserError && inputCodes.has(error.code) ? 2 : 1;
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

/** Failures that the input is to blame for. */
const inputCodes: ReadonlySet<string> = new Set(['config', 'config-missing', 'model-missing', 'nothing-to-resume']);
