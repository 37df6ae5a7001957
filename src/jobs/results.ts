import { readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import type { ConditioningConfig, ResolvedConfig } from '../config/resolved';
import { SOLVER_FILE_VERSION, papers, solverFileText } from '../export/solver-file';
import type { LearnedSolver, SolverFile } from '../export/solver-file';
import { bestTable } from '../learn/learn';
import { parseLoggedEvent } from '../protocol';
import type { ResultRow, RunReport } from '../protocol';
import { tableToData } from '../solvers/table';
import type { SolverTable } from '../solvers/table';
import type { Checkpoint } from './checkpoint';
import { lossChart } from './loss-chart';
import type { LossSeries } from './loss-chart';
import { fullLabel } from './run-context';
import type { RunContext } from './run-context';
import { softwareVersions } from './versions';

/**
 * Writes solver.json: equal runs give equal bytes but for `created_at` and `run_id`.
 *
 * @param results what the test noises say, or null for a run that was stopped before it was measured on them.
 */
export async function writeSolverFile(
  { config, folder, model, teacher }: RunContext,
  checkpoint: Checkpoint,
  results: readonly ResultRow[] | null,
  method: string,
): Promise<void> {
  const solvers = checkpoint.solvers.flatMap(({ nfe, state, baselines, startedFrom }): LearnedSolver[] => {
    if (!state || !startedFrom) return [];
    const { best, evaluations } = state;
    const classic = baselines[0]!;
    const kept = results
      ?.filter((row) => row.nfe === nfe)
      .find((row) => row.learned || (row.solver === classic.solver && row.spacing === classic.spacing));
    const solver: LearnedSolver = {
      nfe,
      learned: best.learned,
      method: best.learned ? method : 'classic',
      table: best.table,
      started_from: startedFrom,
      validation_mse: best.validationLoss,
      test_mse: kept?.mse ?? null,
      test_mse_ci95: kept?.mse_ci95 ?? null,
      model_evaluations: evaluations,
    };
    return [solver];
  });
  const file: SolverFile = {
    version: SOLVER_FILE_VERSION,
    name: basename(config.model.path, extname(config.model.path)),
    created_at: Date.now(),
    run_id: basename(folder.path),
    model: {
      path: basename(config.model.path),
      sha256: model.hash,
      prediction_type: config.model.prediction_type,
      noise_schedule: config.model.noise_schedule,
      sample_shape: config.model.sample_shape,
      conditioning: fileNames(config.model.conditioning),
    },
    teacher: {
      solver: fullLabel(teacher),
      num_inference_steps: config.teacher.num_inference_steps,
      table: tableToData(teacher.table),
    },
    solvers,
    config: withoutPaths(config),
    device: model.device.used,
    software: softwareVersions(),
    cite: Object.values(papers),
  };
  await folder.write('solver.json', solverFileText(file));
}

function fileNames({ tensors, unconditional_tensors: other, ...rest }: ConditioningConfig): ConditioningConfig {
  const names = (files: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(Object.entries(files).map(([input, path]) => [input, basename(path)]));
  return { ...rest, tensors: names(tensors), unconditional_tensors: names(other) };
}

/** File names instead of this machine's paths: the file is meant to be shared. */
function withoutPaths({ output: _, ...config }: ResolvedConfig): unknown {
  const name = (path: string | null): string | null => (path === null ? null : basename(path));
  const { classifier, feature_statistics } = config.evaluation;
  return {
    ...config,
    model: { ...config.model, path: basename(config.model.path), conditioning: fileNames(config.model.conditioning) },
    evaluation: { ...config.evaluation, classifier: name(classifier), feature_statistics: name(feature_statistics) },
  };
}

/** Writes report.json and report.md with its loss curves. */
export async function writeReport(context: RunContext, checkpoint: Checkpoint, report: RunReport): Promise<void> {
  const { folder } = context;
  await folder.write('report.json', `${JSON.stringify(report, null, 2)}\n`);
  const series = lossSeries(folder.file('events.jsonl'));
  for (const { nfe } of checkpoint.solvers) {
    const steps = series.get(nfe) ?? [];
    if (steps.length > 0) await folder.write(`samples/nfe${nfe}-loss.svg`, lossChart(nfe, steps));
  }
  await folder.write('report.md', reportMarkdown(context, checkpoint, report));
}

function lossSeries(log: string): Map<number, LossSeries> {
  const series = new Map<number, LossSeries>();
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    const event = parseLoggedEvent(line);
    if (event?.kind === 'step') series.set(event.nfe, [...(series.get(event.nfe) ?? []), event]);
  }
  return series;
}

function reportMarkdown({ config, folder, model }: RunContext, checkpoint: Checkpoint, report: RunReport): string {
  const { teacher } = report;
  const lines = [
    `# ${basename(folder.path)}`,
    '',
    `Model \`${basename(config.model.path)}\` (SHA-256 ${model.hash.slice(0, 12)}…), device ${model.device.used}, seed ${config.training.seed}.`,
    `Teacher ${teacher.solver}, ${teacher.num_inference_steps} steps; against itself at twice the steps: mse ${number(teacher.self_mse)}.`,
    ...(teacher.accuracy === null
      ? []
      : [`Teacher samples: class accuracy ${percent(teacher.accuracy)}, Fréchet distance ${number(teacher.fd)}.`]),
    '',
    `Errors are per element, against the teacher, on ${config.evaluation.samples} noises that neither training nor validation saw; the interval is a 95 % bootstrap.`,
    '',
    '![Teacher](samples/teacher.png)',
  ];
  for (const { nfe, state } of checkpoint.solvers) {
    const rows = report.results.filter((row) => row.nfe === nfe);
    const [learned, classic] = learnedAndClassic(rows, nfe);
    lines.push('', `## ${nfe} evaluations`, '');
    if (learned && classic) {
      lines.push(
        `**${learned.solver}: mse ${number(learned.mse)}, ${comparison(learned, classic)}** (${classic.solver} on ${classic.spacing} times, ${number(classic.mse)}).`,
      );
    } else {
      lines.push('No learned table beat the best classic solver on the validation noises, so the classic one is kept.');
    }
    lines.push(
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
      ...solverTable(bestTable(state!)),
    );
  }
  return `${lines.join('\n')}\n`;
}

/** The learned row of a number of evaluations, and the best classic one. */
export function learnedAndClassic(
  results: readonly ResultRow[],
  nfe: number,
): [learned: ResultRow | undefined, classic: ResultRow | undefined] {
  const rows = results.filter((row) => row.nfe === nfe).sort((a, b) => a.mse - b.mse);
  return [rows.find((row) => row.learned), rows.find((row) => !row.learned)];
}

/** `3.2 times lower than the best classic solver`; a table chosen on validation noises may be higher on others. */
export function comparison(learned: ResultRow, classic: ResultRow): string {
  const ratio = classic.mse / learned.mse;
  const size = ratio >= 1 ? `${ratio.toFixed(1)} times lower` : `${(1 / ratio).toFixed(1)} times higher`;
  return `${size} than the best classic solver`;
}

function resultTable(rows: readonly ResultRow[]): string[] {
  return [
    '| solver | times | mse | 95 % interval | Fréchet distance | accuracy |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows.map(
      (row) =>
        `| ${row.learned ? `**${row.solver}**` : row.solver} | ${row.spacing} | ${number(row.mse)} | ${number(row.mse_ci95[0])} to ${number(row.mse_ci95[1])} | ${number(row.fd)} | ${row.accuracy === null ? '' : percent(row.accuracy)} |`,
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
