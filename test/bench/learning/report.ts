import type { Interval } from '../../../src/metrics/resamples';
import { median } from '../demo';
import { claimLines } from './claims';
import { isAdam, type BenchMethod } from './methods';
import type { LearnBenchOptions } from './options';
import { cellsOf, short, tableLine, whole } from './report-parts';
import type { CellOutcome, CellResult } from './results';

/** Everything the results hold, as Markdown. */
export function reportOf(results: readonly CellResult[], { problems }: Pick<LearnBenchOptions, 'problems'>): string {
  return problems
    .map((problem) => {
      const of = results.filter(({ cell }) => cell.problem === problem);
      if (of.length === 0) return `### ${problem}\n\nNothing is done yet.`;
      const counts = [...new Set(of.map(({ cell }) => cell.nfe))].filter((nfe) => nfe > 0).sort((a, b) => a - b);
      return [
        `### ${problem}`,
        teacherLine(of),
        'Test mse by evaluations: the median over seeds, in brackets the lowest and the highest.',
        overview(of, counts),
        `#### ${problem}, claims`,
        claimLines(of, counts).join('\n'),
        ...counts.flatMap((nfe) => [`#### ${problem}, ${nfe} evaluations`, details(of, nfe)]),
      ].join('\n\n');
    })
    .join('\n\n');
}

function teacherLine(results: readonly CellResult[]): string {
  const [teacher] = cellsOf(results, 'teacher', 0);
  if (!teacher) return 'The teacher is not judged yet.';
  const { start, quality } = teacher;
  return (
    `The ${start}: mse to itself at twice the steps ${short(quality.mse)}, Fréchet distance from the data ` +
    `${withInterval(quality.fd_data, quality.fd_data_ci95)}` +
    `${quality.accuracy === null ? '' : `, accuracy ${percent(quality.accuracy)}`}.`
  );
}

/** Methods × NFE. */
function overview(results: readonly CellResult[], counts: readonly number[]): string {
  const rows = methodsIn(results).map((method) => {
    const cells = counts.map((nfe) => spread(cellsOf(results, method, nfe).map(({ quality }) => quality.mse)));
    return tableLine([method, ...cells]);
  });
  return [tableLine(['method', ...counts.map(String)]), tableLine(['---', ...counts.map(() => '--:')]), ...rows].join(
    '\n',
  );
}

const columnsWith = (isClassified: boolean): readonly string[] => [
  ...['method', 'start', 'θ', 'validation mse', 'test mse [95 %]', 'FD teacher [95 %]', 'FD data [95 %]', 'SW'],
  ...(isClassified ? ['accuracy'] : []),
  ...['evaluations', 'iterations', 'CPU min'],
];

/** Of each method the seed whose test error is the median; evaluations and minutes are medians themselves. */
function details(results: readonly CellResult[], nfe: number): string {
  const isClassified = results.some(({ outcome }) => outcome && outcome.quality.accuracy !== null);
  const columns = columnsWith(isClassified);
  const rows = methodsIn(results).flatMap((method) => {
    const outcomes = cellsOf(results, method, nfe);
    if (outcomes.length === 0) {
      const none = results.find(({ cell }) => cell.method === method && cell.nfe === nfe);
      return none ? [tableLine([method, none.impossible ?? '', ...columns.slice(2).map(() => '')])] : [];
    }
    const middle = middleOf(outcomes);
    const { quality } = middle;
    return [
      tableLine([
        method,
        middle.start,
        String(middle.parameters),
        spread(outcomes.map(({ validation }) => validation)),
        withInterval(quality.mse, quality.mse_ci95),
        withInterval(quality.fd_teacher, quality.fd_teacher_ci95),
        withInterval(quality.fd_data, quality.fd_data_ci95),
        short(quality.sliced_wasserstein),
        ...(isClassified ? [quality.accuracy === null ? '' : percent(quality.accuracy)] : []),
        whole(median(outcomes.map(({ evaluations }) => evaluations))),
        whole(median(outcomes.map(({ iterations }) => iterations))),
        short(median(outcomes.map(({ cpu_seconds: seconds }) => seconds)) / 60),
      ]),
    ];
  });
  return [tableLine(columns), tableLine(columns.map((_, i) => (i < 2 ? '---' : '--:'))), ...rows].join('\n');
}

function middleOf(outcomes: readonly CellOutcome[]): CellOutcome {
  const wanted = median(outcomes.map(({ quality }) => quality.mse));
  return outcomes.find(({ quality }) => quality.mse === wanted)!;
}

/** In the order of the plan; Adam last. */
function methodsIn(results: readonly CellResult[]): BenchMethod[] {
  const all = [...new Set(results.map(({ cell }) => cell.method))].filter((method) => method !== 'teacher');
  return [...all.filter((method) => !isAdam(method)), ...all.filter(isAdam)];
}

function spread(values: readonly number[]): string {
  if (values.length === 0) return '';
  const middle = short(median(values));
  return values.length === 1 ? middle : `${middle} (${short(Math.min(...values))}–${short(Math.max(...values))})`;
}

function withInterval(value: number, [low, high]: Interval): string {
  return `${short(value)} [${short(low)}, ${short(high)}]`;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
