import { Resamples, type Interval } from '../../../src/metrics/resamples';
import { median } from '../demo';
import { learnedNames, type BenchMethod } from './methods';
import { bySeed, cellsOf, short, tableLine, whole } from './report-parts';
import type { CellOutcome, CellResult } from './results';

/** What the papers lead to expect: the first is not worse than the second. */
const papers: readonly (readonly [BenchMethod, BenchMethod])[] = [
  ['s4s', 'classic'],
  ['s4s-alt', 's4s'],
  ['gs', 's4s'],
];
const adamFactor = 10;
const [studentNfe, classicNfe] = [5, 8];

/** Each claim with its numbers, as a table's rows. */
export function claimLines(results: readonly CellResult[], counts: readonly number[]): string[] {
  return [
    'Ratios of test mse, paired by noise, seeds averaged; a claim fails when the whole 95 % interval is above 1.\n',
    ...orderLines(results, counts),
    '\nEvaluations until validation is as low as the best-tuned Adam leaves it (medians over seeds):\n',
    ...adamLines(results, counts),
    // In the plane every solver has nearly the data's mean and covariance.
    ...(results.some(({ cell }) => cell.problem === 'demo')
      ? ['\nFréchet distances:\n', ...frechetLines(results)]
      : []),
  ];
}

function orderLines(results: readonly CellResult[], counts: readonly number[]): string[] {
  const others = (['classic', ...learnedNames] as const).filter((name) => name !== 'table');
  const pairs = [...papers, ...others.map((other) => ['table', other] as const)];
  const rows = pairs.map(([better, worse]) => {
    const cells = counts.map((nfe) => {
      const ratio = pairedRatio(bySeed(results, better, nfe), bySeed(results, worse, nfe));
      if (!ratio) return '';
      const [low, high] = ratio.interval;
      return `${low <= 1 ? 'holds' : 'FAILS'} ${short(ratio.value)} [${short(low)}, ${short(high)}]`;
    });
    return tableLine([`${better} ≤ ${worse}`, ...cells]);
  });
  return [tableLine(['claim', ...counts.map(String)]), tableLine(['---', ...counts.map(() => '---')]), ...rows];
}

/** Of the seeds that both have. */
function pairedRatio(
  a: ReadonlyMap<number, CellOutcome>,
  b: ReadonlyMap<number, CellOutcome>,
): { value: number; interval: Interval } | undefined {
  const seeds = [...a.keys()].filter((seed) => b.has(seed));
  if (seeds.length === 0) return undefined;
  const errorsOf = (outcomes: ReadonlyMap<number, CellOutcome>): number[] => {
    const all = seeds.map((seed) => outcomes.get(seed)!.quality.errors);
    return all[0]!.map((_, i) => all.reduce((sum, errors) => sum + errors[i]!, 0) / seeds.length);
  };
  const [above, below] = [errorsOf(a), errorsOf(b)];
  const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
  return {
    value: total(above) / total(below),
    interval: new Resamples(above.length, 0).ratioInterval(above, below),
  };
}

function adamLines(results: readonly CellResult[], counts: readonly number[]): string[] {
  const rows = counts.flatMap((nfe) => {
    const [ours, adam] = [bySeed(results, 'table', nfe), bySeed(results, 'adam-table', nfe)];
    const both = [...ours.keys()]
      .filter((seed) => adam.has(seed))
      .map((seed) => [ours.get(seed)!, adam.get(seed)!] as const);
    if (both.length === 0) return [];
    const reached = median(both.map(([mine, theirs]) => evaluationsUntil(mine, theirs.validation)));
    const theirs = median(both.map(([, other]) => other.evaluations));
    const theirBest = median(both.map(([, other]) => evaluationsUntil(other, other.validation)));
    const [mineEnd, theirEnd] = [0, 1].map((side) => median(both.map((pair) => pair[side]!.validation)));
    const isCheap = reached * adamFactor <= theirs;
    const isLower = both.every(([mine, other]) => mine.validation < other.validation);
    return [
      tableLine([
        String(nfe),
        ratesOf(results, nfe),
        short(theirEnd!),
        `${whole(theirs)} (its best table after ${whole(theirBest)})`,
        Number.isFinite(reached) ? whole(reached) : 'never',
        Number.isFinite(reached) ? `${short(theirs / reached)} ×` : '',
        short(mineEnd!),
        isCheap ? 'holds' : 'FAILS',
        isLower ? 'holds' : 'FAILS',
      ]),
    ];
  });
  if (rows.length === 0) return ['No pair of results yet.'];
  const head = ['NFE', 'rates (seed 0)', 'Adam ends at', 'Adam evaluations', 'ours', 'fewer', 'ours ends at'];
  const columns = [...head, `${adamFactor} × fewer`, 'ends lower'];
  return [tableLine(columns), tableLine(columns.map(() => '--:')), ...rows];
}

/** Model evaluations after which a validated table was at least as good. */
function evaluationsUntil({ trace }: CellOutcome, loss: number): number {
  return trace.find((point) => point.loss <= loss * (1 + 1e-6))?.evaluations ?? Infinity;
}

/** Each rate of Adam with the validation loss it ended at. */
function ratesOf(results: readonly CellResult[], nfe: number): string {
  return results
    .filter(({ cell, outcome }) => cell.method === 'adam-table' && cell.nfe === nfe && cell.seed === 0 && outcome)
    .sort((a, b) => a.cell.rate! - b.cell.rate!)
    .map(({ cell, outcome }) => `${cell.rate}: ${short(outcome!.validation)}`)
    .join(', ');
}

/** The learned solver with few evaluations beside the best classic one with more. */
function frechetLines(results: readonly CellResult[]): string[] {
  const [teacher] = cellsOf(results, 'teacher', 0);
  const ours = cellsOf(results, 'table', studentNfe);
  const classic = cellsOf(results, 'classic', classicNfe);
  if (!teacher || ours.length === 0 || classic.length === 0) return ['Not all of the results are there yet.'];
  const distance = ({ quality }: CellOutcome): number => Math.abs(quality.fd_data - teacher.quality.fd_data);
  const between = (of: (outcome: CellOutcome) => number): [number, number] => [
    median(ours.map(of)),
    median(classic.map(of)),
  ];
  const rows = [
    ['from the teacher’s samples', between(({ quality }) => quality.fd_teacher)],
    ['from the data, difference to the teacher’s', between(distance)],
  ] as const;
  const columns = ['Fréchet distance', `ours, NFE ${studentNfe}`, `best classic, NFE ${classicNfe}`, 'ours is closer'];
  return [
    tableLine(columns),
    tableLine(columns.map((_, i) => (i === 0 ? '---' : '--:'))),
    ...rows.map(([what, [mine, theirs]]) =>
      tableLine([what, short(mine), short(theirs), mine < theirs ? 'holds' : 'FAILS']),
    ),
  ];
}
