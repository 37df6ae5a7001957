import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ResolvedConfig } from '../config/resolved';
import { startNoiseScale } from '../diffusion';
import type { PairSet } from '../learn/pairs';
import type { Resamples } from '../metrics/resamples';
import { classicTable, solverLabel } from '../solvers/registry';
import { writeAtomic } from './atomic-write';
import { measure } from './classics';
import { candidateTables, tableHash, type Candidate, type Contenders } from './evaluate-candidates';
import { EVALUATION_VERSION, evaluationText, readEvaluation } from './evaluation-file';
import type { EvaluatedTable, Evaluation, EvaluationKey, EvaluationRow } from './evaluation-file';
import { gitsTimes } from './gits-times';
import { hashModel } from './model-hash';
import { startNoises } from './noise';
import { openModel, type OpenModel } from './open-model';
import { fullLabel } from './run-context';
import { QualityMeter, type TableQuality } from './sample-quality';
import { conditionsOf, isFinite32, teacherPairs } from './teacher';

export interface EvaluateOrder extends Contenders {
  readonly config: ResolvedConfig;
  /** Number of noises. */
  readonly samples: number;
  readonly seed: number;
  /** Folder of evaluation.json. */
  readonly out: string;
}

export interface EvaluateHooks {
  readonly signal: AbortSignal;
  /** Evaluations of this call so far, and how many there will be; null while nobody knows. */
  onProgress(done: number, total: number | null): void;
  /** All results so far, `left` tables before the end. */
  onResults(evaluation: Evaluation, left: number): void;
}

/** Noises whose paths GITS chooses times from: of the training stream, so that no choice sees what it is judged on. */
const gitsNoises = 16;
const saveEveryMs = 2000;

/**
 * Measures tables against the teacher on noises of the test stream, which no training or validation draws from. Results
 * are kept in evaluation.json as they come; a call with the same model, teacher, seed and number of samples goes on from
 * there, and one with other solvers adds them. Deterministic on the CPU.
 *
 * @returns sentences for a person: what was left out, a device that was not there
 * @throws UserError for contenders that cannot be, or results of something else in the folder; AbortError by the signal
 */
export async function evaluateTables(order: EvaluateOrder, hooks: EvaluateHooks): Promise<string[]> {
  const { config, samples, seed, out } = order;
  const { signal } = hooks;
  let done = 0;
  let total: number | null = null;
  const model = await openModel(config, (count) => hooks.onProgress((done += count), total), signal);
  let meter: QualityMeter | undefined;
  try {
    const { denoiser, schedule } = model;
    const choice = config.teacher;
    const steps = choice.num_inference_steps;
    const teacher = classicTable(schedule, choice, steps);
    const solver = fullLabel({ solver: solverLabel(choice), spacing: choice.timestep_spacing });
    const settings = settingsOf(config, model);
    const key: EvaluationKey = {
      model: model.hash,
      settings,
      teacher: `${solver}, ${steps}, ${tableHash(teacher)}`,
      seed,
      samples,
      classifier: await hashOf(config.evaluation.classifier, signal),
      feature_statistics: await hashOf(config.evaluation.feature_statistics, signal),
      device: model.device.used,
    };
    const path = join(out, 'evaluation.json');
    const before = await readEvaluation(path, key);
    const candidates = await candidateTables(schedule, model.hash, order, (count) => gits(model, seed, count, signal));
    const kept = keptResults(before?.results ?? [], candidates.tables);
    const open = candidates.tables.filter(({ hash }) => !kept.some((row) => row.table === hash));

    const ahead = open.reduce((sum, { nfe }) => sum + nfe * samples, 0) + (before ? 0 : 2 * steps * samples);
    total = done + ahead + steps * samples;
    await mkdir(out, { recursive: true });
    const pairs = await teacherPairs(
      {
        denoiser,
        table: teacher,
        label: solver,
        identity: createHash('sha256').update(`${key.model} ${settings} ${key.device}`).digest('hex'),
        cacheDir: join(out, '.teacher-cache'),
        seed,
        noiseScale: startNoiseScale(schedule),
        conditionCount: model.conditioning.count,
        signal,
      },
      'test',
      samples,
    );
    // Those in the cache cost nothing.
    total = done + ahead;
    meter = await QualityMeter.open(config, model.device.used, pairs, seed);
    const head: Omit<Evaluation, 'results'> = {
      version: EVALUATION_VERSION,
      key,
      teacher: before?.teacher ?? {
        solver,
        num_inference_steps: steps,
        peak: meter.peak,
        quality: await meter.classQuality(pairs.targets, signal),
        fd_bias: meter.frechetBias(),
        floor: await qualityOf(model, meter, pairs, classicTable(schedule, choice, 2 * steps), signal),
      },
    };
    const save = async (): Promise<void> => {
      const evaluation = { ...head, results: compared(kept, meter!.resamples) };
      await writeAtomic(path, evaluationText(evaluation));
      hooks.onResults(
        evaluation,
        candidates.tables.filter(({ hash }) => !kept.some((row) => row.table === hash)).length,
      );
    };
    let saved = 0;
    try {
      for (const candidate of open) {
        const { nfe, names, learned, hash } = candidate;
        const quality = await qualityOf(model, meter, pairs, candidate.table, signal);
        kept.push({ nfe, names, learned, table: hash, quality });
        if (Date.now() - saved > saveEveryMs) {
          await save();
          saved = Date.now();
        }
      }
    } finally {
      // Stopped or failed, too.
      await save();
    }
    const { reason } = model.device;
    return [...(reason === null ? [] : [reason]), ...model.conditioning.warnings, ...candidates.warnings];
  } finally {
    await meter?.release().catch(() => undefined);
    await model.release().catch(() => undefined);
  }
}

/** Null when the samples are NaN or infinite. */
async function qualityOf(
  { denoiser }: OpenModel,
  meter: QualityMeter,
  pairs: PairSet,
  table: Candidate['table'],
  signal: AbortSignal,
): Promise<TableQuality | null> {
  const { samples } = await measure(denoiser, table, pairs, signal);
  return isFinite32(samples) ? meter.measure(samples, signal) : null;
}

function gits(
  { denoiser, schedule, conditioning }: OpenModel,
  seed: number,
  steps: number,
  signal: AbortSignal,
): Promise<Float64Array> {
  const xT = startNoises(seed, 'train', 0, gitsNoises, denoiser.dim, startNoiseScale(schedule));
  return gitsTimes(
    denoiser,
    schedule,
    steps,
    { xT, conditions: conditionsOf(0, gitsNoises, conditioning.count) },
    { signal },
  );
}

/**
 * Earlier results under the names of today: a table that is asked for again has today's names too, and a name that now
 * stands for another table (a run that learned on) is taken from the old one.
 */
export function keptResults(before: readonly EvaluatedTable[], candidates: readonly Candidate[]): EvaluatedTable[] {
  return before.flatMap(({ nfe, names, learned, table, quality }) => {
    const now = candidates.find(({ hash }) => hash === table);
    const taken = new Set(
      candidates.filter((other) => other.nfe === nfe && other.hash !== table).flatMap((other) => other.names),
    );
    const all = [...new Set([...names.filter((name) => !taken.has(name)), ...(now?.names ?? [])])];
    return all.length === 0 ? [] : [{ nfe, names: all, learned: learned && (now?.learned ?? true), table, quality }];
  });
}

/** By NFE and error, best first, each beside the best classic table of its NFE. */
export function compared(tables: readonly EvaluatedTable[], resamples: Resamples): EvaluationRow[] {
  const mse = ({ quality }: EvaluatedTable): number => quality?.mse ?? Infinity;
  const sorted = [...tables].sort(
    // The hash last: equal errors have one order, however they came.
    (a, b) => a.nfe - b.nfe || (mse(a) === mse(b) ? (a.table < b.table ? -1 : 1) : mse(a) - mse(b)),
  );
  return sorted.map((row) => {
    const best = sorted.find((other) => other.nfe === row.nfe && !other.learned && other.quality !== null);
    if (!best?.quality || !row.quality || best === row || best.quality.mse === 0) return { ...row, comparison: null };
    const ratio = row.quality.mse / best.quality.mse;
    const interval = resamples.ratioInterval(row.quality.errors, best.quality.errors);
    return { ...row, comparison: { best_classic: best.names[0]!, ratio, ratio_ci95: interval } };
  });
}

/** Everything besides weights, table, seed and noise index that samples depend on. */
function settingsOf({ model }: ResolvedConfig, { conditioning }: OpenModel): string {
  const { prediction_type, noise_schedule, sample_shape } = model;
  const what = [prediction_type, noise_schedule, sample_shape, conditioning.identity];
  return createHash('sha256').update(JSON.stringify(what)).digest('hex');
}

async function hashOf(path: string | null, signal: AbortSignal): Promise<string | null> {
  return path === null ? null : hashModel(path, [], signal);
}
