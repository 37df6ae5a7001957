import type { RunReport } from '../protocol/report';
import { formatEta, formatLoss, formatRatio, isActive, outcomes, percent, phaseNames } from '../protocol/wording';
import type { KnownRun } from './runs';

export interface StatusText {
  readonly text: string;
  readonly tooltip: string;
  readonly error: boolean;
}

/** What the status bar says about a run; codicons are written as `$(name)`. */
export function statusText(run: KnownRun): StatusText {
  const { info, progress, report } = run;
  if (isActive(info.state)) {
    if (info.state === 'stopping')
      return { text: '$(sync~spin) S4S: stopping', tooltip: 'Keeping the best solver so far.', error: false };
    if (progress === null) return { text: '$(sync~spin) S4S: starting', tooltip: 'The run is starting.', error: false };
    const what = [phaseNames[progress.phase], ...(progress.nfe === null ? [] : [`${progress.nfe} NFE`])].join(' ');
    const parts = [
      what,
      `${percent(progress.fraction)} %`,
      ...(progress.etaMs === null ? [] : [formatEta(progress.etaMs)]),
    ];
    return { text: `$(sync~spin) S4S: ${parts.join(', ')}`, tooltip: progress.message, error: false };
  }
  if (info.state === 'failed' || info.state === 'crashed') {
    return { text: `$(error) S4S: run ${info.state}`, tooltip: info.message, error: true };
  }
  const result = report === null ? undefined : resultText(report);
  if (info.state === 'done') {
    return { text: `$(check) S4S: ${result ?? 'samples ready'}`, tooltip: info.message, error: false };
  }
  return { text: `$(debug-pause) S4S: ${result ?? 'stopped'}`, tooltip: info.message, error: false };
}

/** "5 NFE, mse 0.0065 (4.1× better)"; several solvers become one line too. */
export function resultText(report: RunReport): string | undefined {
  const found = outcomes(report);
  const [only] = found;
  if (only === undefined) return undefined;
  if (found.length === 1) {
    const ratio = only.ratio === null ? '' : ` (${formatRatio(only.ratio)})`;
    return `${only.learned.nfe} NFE, mse ${formatLoss(only.learned.mse)}${ratio}`;
  }
  const best = Math.max(...found.map(({ ratio }) => ratio ?? 0));
  return `${found.length} solvers${best > 0 ? `, up to ${formatRatio(best)}` : ''}`;
}
