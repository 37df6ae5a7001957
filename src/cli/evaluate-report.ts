import type { Evaluation, EvaluationRow } from '../jobs/evaluation-file';

type Interval = readonly [number, number];

/** evaluation.md: what was measured and how, then a table for each number of evaluations, best first. */
export function evaluationMarkdown(evaluation: Evaluation): string {
  const { key, teacher } = evaluation;
  const lines = [
    '# Solvers against the teacher',
    '',
    `Model SHA-256 ${key.model.slice(0, 12)}…, device ${key.device}. Teacher ${teacher.solver}, ${teacher.num_inference_steps} evaluations. ` +
      `${key.samples} noises of the test stream (seed ${key.seed}), which no training or validation draws from.`,
    '',
    floorSentence(evaluation),
    '',
    '![Error against evaluations](pareto.svg)',
    '',
    ...explanations(evaluation),
  ];
  for (const nfe of counts(evaluation)) {
    const rows = evaluation.results.filter((row) => row.nfe === nfe);
    lines.push('', `## ${nfe} evaluations`, '', ...resultTable(evaluation, rows));
  }
  return `${lines.join('\n')}\n`;
}

/** For the terminal: at each number of evaluations the best classic table and every learned one. */
export function evaluationLines(evaluation: Evaluation): string[] {
  const floor = evaluation.teacher.floor?.mse ?? null;
  const lines = counts(evaluation).flatMap((nfe) => {
    const rows = evaluation.results.filter((row) => row.nfe === nfe);
    const best = rows.find((row) => !row.learned);
    return rows
      .filter((row) => row === best || row.learned)
      .map((row) => {
        const { comparison, quality } = row;
        const against = comparison
          ? `, ${comparison.ratio.toPrecision(3)} (${span(comparison.ratio_ci95)}) of ${comparison.best_classic}`
          : '';
        const measured = quality ? `mse ${number(quality.mse)} (${span(quality.mse_ci95)})` : 'NaN or infinity';
        return `${String(nfe).padStart(3)} evaluations  ${row.names.join(' = ')}: ${measured}${against}`;
      });
  });
  return floor === null ? lines : [...lines, `The teacher against itself at twice the steps: mse ${number(floor)}`];
}

function floorSentence({ teacher }: Evaluation): string {
  const { floor, num_inference_steps: steps } = teacher;
  if (!floor) {
    return `The teacher gives NaN or infinity at twice its steps (${2 * steps}), so that its own error is unknown.`;
  }
  return (
    `**Floor: mse ${number(floor.mse)} (${span(floor.mse_ci95)})**, the teacher against itself at twice the steps. ` +
    'An error near it says how a solver agrees with the teacher, no longer how near it is to the exact solution; ' +
    'such rows are marked †.'
  );
}

function explanations({ key, teacher }: Evaluation): string[] {
  const { quality } = teacher;
  const lines = [
    '- mse: squared difference from the teacher’s sample of the same noise, per element.',
    '- ratio: mse over that of the best classic solver at the same number of evaluations, on the same noises and the same resamples. That solver was chosen on these noises, which favours it.',
    `- PSNR in dB: mean over samples, with the range of the teacher’s samples (${number(teacher.peak)}) as the peak.`,
    '- sliced Wasserstein: distance of order 2 between the two sets of samples, over 128 random directions, on the scale of the root of mse.',
  ];
  if (quality.fd !== null) {
    const bias =
      teacher.fd_bias === null
        ? ''
        : ` As many normal samples of the statistics themselves, whose true distance is 0, have ${number(teacher.fd_bias)}: about so much of each value is bias.`;
    lines.push(
      `- Fréchet distance: to the feature statistics of real data, from ${key.samples} samples. It is biased upwards at small numbers of samples: compare only values of equal count.${bias} Teacher: ${number(quality.fd)}${within(quality.fd_ci95)}.`,
    );
  }
  if (quality.accuracy !== null) {
    lines.push(
      `- accuracy: share of samples that the classifier puts in the class they were asked for. Teacher: ${percent(quality.accuracy)} (${percentSpan(quality.accuracy_ci95)}).`,
    );
  }
  lines.push(
    '- in brackets: 95 % bootstrap intervals over the noises (of distances between sets: around the value at this number of samples; of an accuracy of 0 or 100 %: the exact bound).',
  );
  return lines;
}

function resultTable({ teacher }: Evaluation, rows: readonly EvaluationRow[]): string[] {
  const hasDistance = teacher.quality.fd !== null;
  const hasAccuracy = teacher.quality.accuracy !== null;
  const head = [
    'solver',
    'mse',
    'ratio',
    'PSNR',
    'sliced Wasserstein',
    ...(hasDistance ? ['Fréchet distance'] : []),
    ...(hasAccuracy ? ['accuracy'] : []),
  ];
  const cells = ({ names, learned, quality: q, comparison }: EvaluationRow): string[] => {
    const name = names.map(escaped).join(' = ');
    const solver = learned ? `**${name}**` : name;
    if (!q) return [solver, 'NaN or infinity', ...head.slice(2).map(() => '')];
    const atFloor = teacher.floor !== null && q.mse <= 2 * teacher.floor.mse ? ' †' : '';
    return [
      solver,
      `${number(q.mse)} (${span(q.mse_ci95)})${atFloor}`,
      comparison ? `${number(comparison.ratio)} (${span(comparison.ratio_ci95)})` : '',
      q.psnr === null ? '∞' : `${q.psnr.toFixed(1)} (${q.psnr_ci95!.map((value) => value.toFixed(1)).join(' to ')})`,
      `${number(q.sliced_wasserstein)} (${span(q.sliced_wasserstein_ci95)})`,
      ...(hasDistance ? [`${number(q.fd)}${within(q.fd_ci95)}`] : []),
      ...(hasAccuracy ? [`${percent(q.accuracy)} (${percentSpan(q.accuracy_ci95)})`] : []),
    ];
  };
  const line = (entries: readonly string[]): string => `| ${entries.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map((row) => line(cells(row)))];
}

function counts({ results }: Evaluation): number[] {
  return [...new Set(results.map(({ nfe }) => nfe))];
}

/** Names come from files: no mark of Markdown in them may take effect. */
function escaped(text: string): string {
  return text.replace(/[\\|*_`<>[\]]/g, '\\$&').replace(/\s+/g, ' ');
}

function span(interval: Interval): string {
  return interval.map(number).join(' to ');
}

/** Nothing where there is no interval. */
function within(interval: Interval | null): string {
  return interval === null ? '' : ` (${span(interval)})`;
}

function percentSpan(interval: Interval | null): string {
  return interval === null ? '' : interval.map(percent).join(' to ');
}

function number(value: number | null): string {
  return value === null ? '' : value.toPrecision(3);
}

function percent(value: number | null): string {
  return value === null ? '' : `${(100 * value).toFixed(1)} %`;
}
