import { basename } from 'node:path';
import { parseResolved, stringifyResolved } from '../config';
import type { Override, ResolvedConfig } from '../config';
import { PROTOCOL_VERSION } from '../protocol';
import type { JobOrder, LoggedEvent, RunEvent, RunReport, RunStatus } from '../protocol';
import { learnTask } from './learn-task';
import { loadConfig } from './load-config';
import { lossName } from './objective';
import { previewTask } from './preview-task';
import { solverLabel } from '../solvers/registry';
import { comparison, learnedAndClassic } from './results';
import { openContext } from './run-context';
import { RunFolder } from './run-folder';
import { UserError, describeError, isAbort } from './user-error';

const resolvedName = 'config.resolved.yaml';

export interface RunOutcome {
  readonly status: RunStatus;
  readonly message: string;
  readonly report: RunReport | null;
  /** What ended a failed run. */
  readonly error: unknown;
}

/**
 * One run from solver.yaml to its results. Everything that happens is an event: written to the run folder's log first,
 * then given to `onEvent`. Never throws: failures are a `finished` event with one sentence for a person.
 *
 * @param signal cancels; the best table so far is in the last checkpoint, and the run can be resumed.
 * @param overrides keys of solver.yaml that have another value in this run; a resumed run keeps those it was started with.
 */
export async function runJob(
  order: JobOrder,
  onEvent: (event: LoggedEvent) => void,
  signal: AbortSignal,
  overrides: readonly Override[] = [],
): Promise<RunOutcome> {
  const folder = new RunFolder(order.runDir, onEvent);
  const finish = (status: RunStatus, message: string, report: RunReport | null, error: unknown): RunOutcome => {
    folder.emit({ kind: 'finished', status, message, report });
    // Right away: who hears this may go on with the run in another process.
    folder.close();
    return { status, message, report, error };
  };
  try {
    const config = await prepare(order, folder, overrides);
    const context = await openContext(config, folder, signal);
    try {
      if (order.task === 'preview') {
        await previewTask(context);
        return finish('done', 'Samples are ready.', null, null);
      }
      const report = await learnTask(context);
      return finish('done', summary(report), report, null);
    } finally {
      // A device that is gone cannot be released either, and that is not what went wrong.
      await context.model.release().catch(() => undefined);
    }
  } catch (error) {
    if (isAbort(error)) {
      const kept = 'The best table so far is kept';
      const message =
        order.task === 'learn' ? `Stopped. ${kept} in ${folder.path}; the run can be resumed.` : 'Stopped.';
      return finish('cancelled', message, null, error);
    }
    return finish('failed', describeError(error), null, error);
  }
}

/** Opens the run folder and reads the config: of the folder on resume, else of solver.yaml. */
async function prepare(order: JobOrder, folder: RunFolder, overrides: readonly Override[]): Promise<ResolvedConfig> {
  const config = order.resume ? resumedConfig(folder) : await loadConfig(order.configPath, overrides);
  folder.open();
  if (!order.resume) folder.forget();
  const started: RunEvent = {
    kind: 'run-started',
    version: PROTOCOL_VERSION,
    task: order.task,
    name: basename(order.runDir),
    configPath: order.configPath,
    resumed: order.resume,
    teacher: `${solverLabel(config.teacher)}, ${config.teacher.num_inference_steps} steps`,
    method: config.student.method,
    nfes: config.student.num_inference_steps,
    seeds: config.training.seeds,
    loss: lossName(config.objective),
  };
  folder.emit(started);
  if (!order.resume) await folder.write(resolvedName, stringifyResolved(config));
  return config;
}

function resumedConfig(folder: RunFolder): ResolvedConfig {
  const text = folder.read(resolvedName);
  if (text === undefined) {
    throw new UserError(
      'nothing-to-resume',
      `${folder.path} holds no run to resume: ${resolvedName} is missing. Name the folder of a run that was started.`,
    );
  }
  try {
    return parseResolved(text);
  } catch (error) {
    throw new UserError('nothing-to-resume', `${folder.path} cannot be resumed: ${describeError(error)}`, {
      cause: error,
    });
  }
}

function summary({ results }: RunReport): string {
  const parts = [...new Set(results.map((row) => row.nfe))].map((nfe) => {
    const [learned, classic] = learnedAndClassic(results, nfe);
    if (!learned) return `${nfe} evaluations: no learned table beat the best classic solver, which is kept`;
    return `${nfe} evaluations: mse ${learned.mse.toPrecision(3)}, ${classic ? comparison(learned, classic) : 'learned'}`;
  });
  return `${parts.join('; ')}.`;
}
