import { ConfigError } from '../jobs/load-config';
import { describeError, isAbort, isInputError } from '../jobs/user-error';
import { formatDiagnostic } from './diagnostics';
import { ProgressLine } from './progress-line';

/**
 * Runs a command of some length in this process. Ctrl-C aborts it gently, a second Ctrl-C at once; what goes wrong is said
 * in a sentence on standard error.
 *
 * @param stopped the sentence for an aborted command
 * @returns the exit code: 0 done, 1 failed, 2 wrong input, 130 aborted
 */
export async function cancellable(
  work: (signal: AbortSignal, progress: ProgressLine) => Promise<void>,
  stopped: () => Promise<string> | string,
): Promise<number> {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  const progress = new ProgressLine(process.stderr);
  try {
    await work(controller.signal, progress);
    return 0;
  } catch (error) {
    progress.clear();
    if (isAbort(error)) {
      process.stderr.write(`${await stopped()}\n`);
      return 130;
    }
    if (error instanceof ConfigError) {
      for (const diagnostic of error.diagnostics) {
        process.stderr.write(`${formatDiagnostic(error.path, error.text, diagnostic)}\n`);
      }
      return 2;
    }
    process.stderr.write(`${describeError(error)}\n`);
    return isInputError(error) ? 2 : 1;
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}
