import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { ResolvedConfig } from '../config/resolved';
import { startNoiseScale } from '../diffusion';
import type { PairSet } from '../learn/pairs';
import { classicTable, solverLabel } from '../solvers/registry';
import { removeAbandoned } from './atomic-write';
import type { NamedTable } from './classics';
import { openModel } from './open-model';
import type { OpenModel } from './open-model';
import { previewGrid } from './preview';
import { ProgressMeter } from './progress-meter';
import type { RunFolder } from './run-folder';
import type { PreviewKind } from '../protocol';
import type { TeacherOptions } from './teacher';

/** What every task of a run works with. */
export interface RunContext {
  readonly config: ResolvedConfig;
  readonly folder: RunFolder;
  readonly meter: ProgressMeter;
  readonly model: OpenModel;
  readonly teacher: NamedTable;
  readonly teacherOptions: TeacherOptions;
  readonly signal: AbortSignal;
}

/** Opens the model on its device and says which one is really used. */
export async function openContext(config: ResolvedConfig, folder: RunFolder, signal: AbortSignal): Promise<RunContext> {
  const meter = new ProgressMeter((event) => folder.emit(event));
  const model = await openModel(config, (count) => meter.tick(count), signal);
  const { device } = model;
  folder.emit({ kind: 'device', requested: device.requested, used: device.used, reason: device.reason });
  if (device.reason !== null) folder.emit({ kind: 'warning', code: 'device-fallback', message: device.reason });
  for (const message of model.conditioning.warnings) folder.emit({ kind: 'warning', code: 'prompt-too-long', message });
  const cacheDir = join(config.output, '.teacher-cache');
  removeAbandoned(cacheDir);
  const choice = config.teacher;
  const teacher: NamedTable = {
    solver: solverLabel(choice),
    spacing: choice.timestep_spacing,
    table: classicTable(model.schedule, choice, choice.num_inference_steps),
  };
  const teacherOptions: TeacherOptions = {
    denoiser: model.denoiser,
    table: teacher.table,
    label: `${teacher.solver} on ${teacher.spacing} times`,
    identity: teacherIdentity(config, model),
    cacheDir,
    seed: config.training.seed,
    noiseScale: startNoiseScale(model.schedule),
    conditionCount: model.conditioning.count,
    signal,
  };
  return { config, folder, meter, model, teacher, teacherOptions, signal };
}

/** Everything but table, seed and noise index that a teacher's sample depends on. */
function teacherIdentity(config: ResolvedConfig, model: OpenModel): string {
  const { prediction_type, noise_schedule, sample_shape } = config.model;
  const { hash, device, conditioning } = model;
  const what = [hash, device.used, prediction_type, noise_schedule, sample_shape, conditioning.identity];
  return createHash('sha256').update(JSON.stringify(what)).digest('hex');
}

/**
 * Writes a picture of samples (of latents, decoded where the model has a decoder) into the run folder and announces it.
 *
 * @param pairs the noises they came from with the teacher's samples, which set the scale.
 */
export async function emitPreview(
  { config, folder, model, signal }: RunContext,
  { nfe, which, label }: { readonly nfe: number; readonly which: PreviewKind; readonly label: string },
  samples: Float32Array,
  pairs: PairSet,
): Promise<void> {
  const { sample_shape: shape } = config.model;
  const decoded = await model.decoder?.decode(samples, shape, signal);
  const { png, ...size } = decoded
    ? previewGrid(decoded.values, decoded.values, decoded.shape)
    : previewGrid(samples, pairs.targets, shape);
  const file = which === 'teacher' ? 'samples/teacher.png' : `samples/nfe${nfe}-${which}.png`;
  await folder.write(file, png);
  folder.emit({ kind: 'preview', nfe, which, label, file, ...size });
}

/** `DPM-Solver++ 2M · uniform`. */
export function fullLabel({ solver, spacing }: Pick<NamedTable, 'solver' | 'spacing'>): string {
  return `${solver} · ${spacing}`;
}
