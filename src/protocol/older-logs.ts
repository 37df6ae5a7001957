import type { LoggedEvent, RunEventKind } from './events';
import type { RunReport } from './report';

/** What events of version 1 did not say, because there was one way only. */
const since2: Partial<Record<RunEventKind, object>> = {
  'run-started': { seeds: 1, loss: 'mse' },
  step: { seed: 0, noiseShift: null },
  checkpoint: { seed: 0 },
};

/** An event of any version with all that today's have, so that readers know one shape only. */
export function asWrittenToday(event: LoggedEvent): LoggedEvent {
  const full: LoggedEvent = { ...since2[event.kind], ...event };
  return full.kind === 'finished' && full.report !== null ? { ...full, report: reportToday(full.report) } : full;
}

function reportToday(report: RunReport): RunReport {
  const teacherSince2: Partial<RunReport['teacher']> = { self_mse_ci95: null };
  const reportSince2: Partial<RunReport> = { solvers: [] };
  return { ...reportSince2, ...report, teacher: { ...teacherSince2, ...report.teacher } };
}
