import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseSolverFile } from '../export/read-solver-file';
import type { SolverFile } from '../export/solver-file';
import { tableFromData } from '../solvers/table';
import { measure, namedClassic } from './classics';
import { lossName } from './objective';
import { emitPreview, fullLabel } from './run-context';
import type { RunContext } from './run-context';
import { teacherPairs } from './teacher';

/** Samples without learning: teacher, a classic solver, and the newest learned table of this model if there is one. */
export async function previewTask(context: RunContext): Promise<void> {
  const { config, meter, model, teacher, teacherOptions, signal, folder } = context;
  const count = config.preview.samples;
  const nfes = config.student.num_inference_steps;
  meter.plan('teacher', null, count * teacher.table.nfe);
  for (const nfe of nfes) meter.plan('preview', nfe, 2 * count * nfe);
  meter.start('teacher', null, `Teacher (${fullLabel(teacher)})`);
  const pairs = await teacherPairs(teacherOptions, 'test', count);
  await emitPreview(context, { nfe: 0, which: 'teacher', label: fullLabel(teacher) }, pairs.targets, pairs);
  const learned = newestSolverFile(config.output, model.hash);
  if (!learned) {
    folder.emit({
      kind: 'warning',
      code: 'nothing-learned',
      message:
        'No solver was learned for this model yet: teacher and classic samples are shown. Run Learn Solver first.',
    });
  }
  const { init } = config.student;
  for (const nfe of nfes) {
    meter.start('preview', nfe, `Samples at ${nfe} evaluations`);
    const choice =
      init === 'auto' ? ({ solver: 'dpmpp', order: Math.min(2, nfe), timestep_spacing: 'uniform' } as const) : init;
    const classic = namedClassic(model.schedule, choice, nfe);
    const { samples } = await measure(model.denoiser, classic.table, pairs, signal);
    await emitPreview(context, { nfe, which: 'classic', label: fullLabel(classic) }, samples, pairs);
    const solver = learned?.solvers.find((entry) => entry.nfe === nfe);
    if (!learned || !solver) continue;
    const table = tableFromData(solver.table);
    const label = `${solver.method} (${learned.run_id})`;
    folder.emit({
      kind: 'table',
      nfe,
      label,
      learned: solver.learned,
      validationLoss: lossName(config.objective) === 'mse' ? solver.validation_mse : null,
      table: solver.table,
    });
    const made = await measure(model.denoiser, table, pairs, signal);
    await emitPreview(context, { nfe, which: 'learned', label }, made.samples, pairs);
  }
  meter.complete();
}

/** The newest solver.json under `output` that was learned for the model with this hash. */
function newestSolverFile(output: string, hash: string): SolverFile | undefined {
  if (!existsSync(output)) return undefined;
  return readdirSync(output)
    .map((name) => join(output, name, 'solver.json'))
    .filter((path) => existsSync(path))
    .map((path) => ({ path, time: statSync(path).mtimeMs }))
    .sort((a, b) => b.time - a.time)
    .map(({ path }) => readSolverFile(path))
    .find((file) => file?.model.sha256 === hash);
}

/** undefined for a file that someone has damaged: samples can be shown without it. */
function readSolverFile(path: string): SolverFile | undefined {
  try {
    const file = parseSolverFile(readFileSync(path, 'utf8'));
    for (const { table } of file.solvers) tableFromData(table);
    return file;
  } catch {
    return undefined;
  }
}
