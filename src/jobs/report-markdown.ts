import { basename } from 'node:path';
import { keptSeed } from './checkpoint';
import type { Checkpoint } from './checkpoint';
import type { ResultRow, RunReport, SolverReport, Spread, TeacherReport } from '../protocol';
import { endReasons } from '../protocol/wording';
import { bestTable } from '../learn/learn';
import { tableToData } from '../solvers/table';
import type { SolverTable } from '../solvers/table';
import { comparison, learnedAndClassic } from './results';
import type { RunContext } from './run-context';
import { floorAdvice } from './teacher-floor';

/** The text of report.md. */
export function reportMarkdown(
  { config, folder, model }: RunContext,
  checkpoint: Checkpoint,
  report: RunReport,
): string {
  const { teacher } = report;
  const { training, evaluation } = config;
  const learned = report.results.filter((row) => row.learned);
  const floor = checkpoint.floor === 'not-finite' ? null : checkpoint.floor;
  const advice = floor && floorAdvice(floor, teacher.num_inference_steps, learned);
  const lines = [
    `# ${basename(folder.path)}`,
    '',
    `Model \`${basename(config.model.path)}\` (SHA-256 ${model.hash.slice(0, 12)}…), device ${model.device.used}, seed ${training.seed}.`,
    teacherLine(teacher, floor?.samples),
    ...(teacher.accuracy === null
      ? []
      : [`Teacher samples: class accuracy ${percent(teacher.accuracy)}, Fréchet distance ${number(teacher.fd)}.`]),
    ...(advice ? ['', `> ${advice}`] : []),
    '',
    `Errors are per element, against the teacher, on ${evaluation.samples} noises that neither training nor validation saw; the interval is a 95 % bootstrap.`,
    '',
    '![Teacher](samples/teacher.png)',
  ];
  for (const solver of report.solvers) {
    const { nfe } = solver;
    const rows = report.results.filter((row) => row.nfe === nfe);
    const [best, classic] = learnedAndClassic(rows, nfe);
    lines.push('', `## ${nfe} evaluations`, '');
    if (best && classic) {
      lines.push(
        `**${best.solver}: mse ${number(best.mse)}, ${comparison(best, classic)}** (${classic.solver} on ${classic.spacing} times, ${number(classic.mse)}).`,
      );
    } else {
      lines.push('No learned table beat the best classic solver on the validation noises, so the classic one is kept.');
    }
    const progress = checkpoint.solvers.find((entry) => entry.nfe === nfe)!;
    lines.push(
      '',
      ...learningLines(solver),
      '',
      `| Learned | Best classic |`,
      `| --- | --- |`,
      `| ![Learned](samples/nfe${nfe}-learned.png) | ![Classic](samples/nfe${nfe}-classic.png) |`,
      '',
      `![Loss](samples/nfe${nfe}-loss.svg)`,
      '',
      ...resultTable(rows),
      '',
      'The table (y_0 = s_0·x_T; each row gives the next state):',
      '',
      ...solverTable(bestTable(keptSeed(progress)!.state)),
    );
  }
  return `${lines.join('\n')}\n`;
}

function teacherLine(teacher: TeacherReport, samples: number | undefined): string {
  const what = `Teacher ${teacher.solver}, ${teacher.num_inference_steps} steps`;
  if (teacher.self_mse === null) return `${what}; at twice the steps it gives NaN, so its own error is not known.`;
  return `${what}; against itself at twice the steps: mse ${number(teacher.self_mse)}${interval(teacher.self_mse_ci95)}, on ${samples} of the test noises.`;
}

/** How a solver was learned: its start, its end, how far noises moved, and what other seeds came to. */
function learningLines({ started_from: from, seeds, seed, spread }: SolverReport): string[] {
  const kept = seeds[seed]!;
  const shift = kept.noise_shift;
  const lines = [
    `Learning started from ${from.solver} on ${from.spacing} times and used ${kept.model_evaluations} model evaluations in ${kept.iterations} iterations; it ended because ${endReasons[kept.ended]}. Validation mse ${number(kept.validation_mse)}${interval(kept.validation_mse_ci95)}.`,
  ];
  if (shift) {
    lines.push(
      `The relaxed objective moved start noises by ${percent(shift.mean)} of their radius on average, at most by ${percent(shift.largest)}.`,
    );
  }
  if (seeds.length === 1) return lines;
  return [
    ...lines,
    '',
    `Learned ${seeds.length} times from other training noises; seed ${seed + 1} was the best on the validation noises. Validation mse: ${spreadText(spread.validation_mse)}; test mse: ${spreadText(spread.test_mse)}.`,
    '',
    '| seed | validation mse | 95 % interval | test mse | 95 % interval | model evaluations |',
    '| --- | --- | --- | --- | --- | --- |',
    ...seeds.map(
      (one) =>
        `| ${one.seed === seed ? `**${one.seed + 1}**` : one.seed + 1} | ${number(one.validation_mse)} | ${range(one.validation_mse_ci95)} | ${number(one.test_mse)} | ${range(one.test_mse_ci95)} | ${one.model_evaluations} |`,
    ),
  ];
}

/** `median 0.0061, 0.0058 to 0.0070`. */
export function spreadText({ median, min, max }: Spread): string {
  return `median ${number(median)}, ${number(min)} to ${number(max)}`;
}

function interval(ci95: readonly [number, number] | null): string {
  return ci95 === null ? '' : ` (95 % interval ${range(ci95)})`;
}

function range([low, high]: readonly [number, number]): string {
  return `${number(low)} to ${number(high)}`;
}

function resultTable(rows: readonly ResultRow[]): string[] {
  return [
    '| solver | times | mse | 95 % interval | Fréchet distance | accuracy |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows.map(
      (row) =>
        `| ${row.learned ? `**${row.solver}**` : row.solver} | ${row.spacing} | ${number(row.mse)} | ${range(row.mse_ci95)} | ${number(row.fd)} | ${row.accuracy === null ? '' : percent(row.accuracy)} |`,
    ),
  ];
}

function solverTable(table: SolverTable): string[] {
  const { nfe } = table;
  const { rows, start, times } = tableToData(table);
  return [
    `| state | evaluated at | x_T | ${rows.map((_, j) => `D_${j}`).join(' | ')} |`,
    `| --- | --- | --- | ${rows.map(() => '---').join(' | ')} |`,
    ...start.map((s, k) => {
      const row = k === 0 ? [] : rows[k - 1]!;
      const cells = Array.from({ length: nfe }, (_, j) => (row[j] === undefined ? '' : row[j].toFixed(4)));
      return `| y_${k} | ${times[k] === undefined ? '' : times[k].toFixed(2)} | ${s.toFixed(4)} | ${cells.join(' | ')} |`;
    }),
  ];
}

function number(value: number | null): string {
  return value === null ? '' : value.toPrecision(3);
}

function percent(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}
