import * as vscode from 'vscode';
import type { LoggedEvent } from '../protocol/events';
import { endReasons } from '../protocol/wording';
import type { Backend } from './backend-client';
import type { RunPanel } from './panel';
import type { KnownRun, Runs } from './runs';
import { runName } from './solver-file';

/** One notification when a run ends out of sight, and the log: what happened, without the ten-a-second progress. */
export function createNotices(
  backend: Backend,
  runs: Runs,
  panel: RunPanel,
  log: vscode.LogOutputChannel,
): vscode.Disposable {
  return vscode.Disposable.from(
    runs.onDidEnd((run) => void announce(run, panel)),
    backend.onEvent(({ event }) => writeLog(event, log)),
  );
}

async function announce({ info }: KnownRun, panel: RunPanel): Promise<void> {
  // A person who stopped a run knows that it ended.
  if (info.state === 'cancelled' || panel.isShowing(info.runDir)) return;
  const actions = ['Open Panel', ...(info.state !== 'done' && info.resumable ? ['Resume'] : []), 'Show Log'];
  const message = `${runName(info.configPath)}: ${info.message}`;
  const choice =
    info.state === 'done'
      ? await vscode.window.showInformationMessage(message, ...actions)
      : await vscode.window.showErrorMessage(message, ...actions);
  if (choice === 'Open Panel') panel.show(info);
  else if (choice === 'Resume') await vscode.commands.executeCommand('s4s.resume', { runDir: info.runDir });
  else if (choice === 'Show Log') await vscode.commands.executeCommand('s4s.showLog');
}

function writeLog(event: LoggedEvent, log: vscode.LogOutputChannel): void {
  switch (event.kind) {
    case 'run-started':
      log.info(`${event.resumed ? 'Resumed' : 'Started'} ${event.name}: ${event.method} against ${event.teacher}`);
      break;
    case 'device':
      if (event.reason === null) log.info(`Device: ${event.used}`);
      else log.warn(`Device: ${event.used} instead of ${event.requested}. ${event.reason}`);
      break;
    case 'warning':
      log.warn(`${event.message} [${event.code}]`);
      break;
    case 'finished':
      if (event.status === 'failed') log.error(event.message);
      else log.info(event.message);
      break;
    case 'baseline':
      log.debug(`${event.nfe} NFE, ${event.solver} ${event.spacing}: ${event.validationLoss}`);
      break;
    case 'step':
      log.debug(`${event.nfe} NFE, step ${event.iteration}: ${event.trainLoss}, best ${event.bestValidationLoss}`);
      break;
    case 'teacher-floor':
      log.info(`The teacher's own error: ${event.mse} on ${event.samples} noises`);
      break;
    case 'start':
      log.info(`${event.nfe} NFE starts from ${event.solver} ${event.spacing}: ${event.validationLoss}`);
      break;
    case 'learning-ended':
      log.info(`${event.nfe} NFE, seed ${event.seed + 1}: ${event.validationLoss}; ${endReasons[event.reason]}`);
      break;
    case 'progress':
      log.trace(event.message);
      break;
    case 'table':
    case 'preview':
    case 'checkpoint':
      break;
  }
}
