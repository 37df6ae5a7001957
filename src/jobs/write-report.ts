import { readFileSync } from 'node:fs';
import { parseLoggedEvent } from '../protocol';
import type { LoggedEvent, RunReport } from '../protocol';
import type { Checkpoint } from './checkpoint';
import { lossChart } from './loss-chart';
import { reportMarkdown } from './report-markdown';
import type { RunContext } from './run-context';

type Step = Extract<LoggedEvent, { kind: 'step' }>;

/** Writes report.json and report.md with its loss curves. @param lossName see `OpenObjective` */
export async function writeReport(
  context: RunContext,
  checkpoint: Checkpoint,
  report: RunReport,
  lossName: string,
): Promise<void> {
  const { folder } = context;
  await folder.write('report.json', `${JSON.stringify(report, null, 2)}\n`);
  const steps = readSteps(folder.file('events.jsonl'));
  // The floor is an mse: it says nothing of other losses.
  const floor = lossName === 'mse' ? report.teacher.self_mse : null;
  for (const { nfe, seed: kept, seeds } of report.solvers) {
    const series = seeds.map(({ seed }) => iterations(steps, nfe, seed));
    const others = series.filter((_, seed) => seed !== kept);
    await folder.write(`samples/nfe${nfe}-loss.svg`, lossChart(series[kept]!, { nfe, lossName, floor, others }));
  }
  await folder.write('report.md', reportMarkdown(context, checkpoint, report));
}

function readSteps(log: string): Step[] {
  return readFileSync(log, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const event = parseLoggedEvent(line);
      return event?.kind === 'step' ? [event] : [];
    });
}

/** The steps of one learning. A resumed run makes some again, the same ones: each counts once. */
function iterations(steps: readonly Step[], nfe: number, seed: number): Step[] {
  const own = steps.filter((step) => step.nfe === nfe && step.seed === seed);
  return [...new Map(own.map((step) => [step.iteration, step])).values()];
}
