import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ResolvedConfig } from '../config/resolved';
import { startNoiseScale } from '../diffusion';
import { safetensors } from '../export/safetensors';
import { AdaptiveError, adaptiveSample } from '../solvers/adaptive';
import { sample } from '../solvers/sampler';
import { writeAtomic } from './atomic-write';
import { gitsTimes } from './gits-times';
import { startNoises } from './noise';
import { openModel, type OpenModel } from './open-model';
import { previewGrid } from './preview';
import { classicSampleTable, learnedSampleTable, type LabelledTable, type SampleSolver } from './sample-table';
import { v3SampleTable } from './sample-v3';
import { conditionsOf } from './teacher';
import { UserError } from './user-error';

export interface SampleOrder {
  readonly config: ResolvedConfig;
  readonly solver: SampleSolver;
  /** One sample each; the same seed gives the same noise for every solver. */
  readonly seeds: readonly number[];
  /** Folder for the picture and the tensors. */
  readonly out: string;
}

export interface SampleResult {
  readonly solver: string;
  /** Evaluations a sample; of the adaptive solver the mean. */
  readonly nfe: number;
  readonly device: string;
  readonly seconds: number;
  readonly files: readonly string[];
  /** Sentences for a person: prompts that were cut, a device that was not there. */
  readonly warnings: readonly string[];
}

export interface SampleHooks {
  readonly signal: AbortSignal;
  /** Evaluations so far, counted per sample, and how many there will be; null while nobody knows. */
  onProgress(done: number, total: number | null): void;
}

/** Samples that go through the solver together. */
const chunkSize = 64;
/** Noises whose paths GITS chooses times from. */
const gitsNoises = 16;

/**
 * Draws samples: a PNG grid and a safetensors file with the samples, their start noises and their seeds. Sample i has the
 * condition i of the config, in turn. Deterministic on the CPU.
 *
 * @throws UserError for a solver that cannot be; AbortError by the signal, with nothing written
 */
export async function drawSamples(order: SampleOrder, hooks: SampleHooks): Promise<SampleResult> {
  const { config, solver, seeds, out } = order;
  const { signal } = hooks;
  let done = 0;
  let total: number | null = null;
  const model = await openModel(config, (count) => hooks.onProgress((done += count), total), signal);
  try {
    const { denoiser, schedule } = model;
    const scale = startNoiseScale(schedule);
    const noises = new Float32Array(seeds.length * denoiser.dim);
    seeds.forEach((seed, i) => noises.set(startNoises(seed, 'sample', 0, 1, denoiser.dim, scale), i * denoiser.dim));
    const conditions = conditionsOf(0, seeds.length, model.conditioning.count);
    const start = Date.now();
    const table = await tableOf(model, solver, { noises, conditions }, signal);
    if (table) total = done + table.table.nfe * seeds.length;
    const drawn = table
      ? await runTable(model, table, noises, conditions, signal)
      : await runAdaptive(model, solver, noises, conditions, signal);
    const seconds = (Date.now() - start) / 1000;
    const { sample_shape: shape } = config.model;
    const tensor = (data: Float32Array) => ({ shape: [seeds.length, ...shape], data });
    const tensors = safetensors(
      {
        samples: tensor(drawn.samples),
        noises: tensor(noises),
        seeds: { shape: [seeds.length], data: BigInt64Array.from(seeds, BigInt) },
        conditions: { shape: [seeds.length], data: conditions },
      },
      { solver: drawn.label, nfe: String(drawn.nfe), model_sha256: model.hash },
    );
    const decoded = await model.decoder?.decode(drawn.samples, shape, signal);
    const { png } = decoded
      ? previewGrid(decoded.values, decoded.values, decoded.shape)
      : previewGrid(drawn.samples, drawn.samples, shape);
    await mkdir(out, { recursive: true });
    const files = [join(out, 'samples.png'), join(out, 'samples.safetensors')];
    await writeAtomic(files[0]!, png);
    await writeAtomic(files[1]!, tensors);
    const { reason, used } = model.device;
    const warnings = [...(reason === null ? [] : [reason]), ...model.conditioning.warnings];
    return { solver: drawn.label, nfe: drawn.nfe, device: used, seconds, files, warnings };
  } finally {
    await model.release().catch(() => undefined);
  }
}

interface Drawn {
  readonly label: string;
  readonly nfe: number;
  readonly samples: Float32Array;
}

/** The table of a solver; undefined for the adaptive one, which has none. */
async function tableOf(
  { denoiser, schedule, hash }: OpenModel,
  solver: SampleSolver,
  { noises, conditions }: { readonly noises: Float32Array; readonly conditions: Int32Array },
  signal: AbortSignal,
): Promise<LabelledTable | undefined> {
  if (solver.kind === 'adaptive') return undefined;
  if (solver.kind === 'dpm_v3') return v3SampleTable(schedule, solver, denoiser.dim);
  if (solver.kind === 'learned') return learnedSampleTable(solver.path, solver.nfe, hash);
  return classicSampleTable(schedule, solver, (steps) => {
    const count = Math.min(gitsNoises, conditions.length);
    const some = { xT: noises.subarray(0, count * denoiser.dim), conditions: conditions.subarray(0, count) };
    return gitsTimes(denoiser, schedule, steps, some, { signal });
  });
}

async function runTable(
  { denoiser }: OpenModel,
  { label, table }: LabelledTable,
  noises: Float32Array,
  conditions: Int32Array,
  signal: AbortSignal,
): Promise<Drawn> {
  const { dim } = denoiser;
  const samples = new Float32Array(noises.length);
  for (let from = 0; from < conditions.length; from += chunkSize) {
    const part = noises.subarray(from * dim, (from + chunkSize) * dim);
    const { states } = await sample(denoiser, table, part, conditions.subarray(from, from + chunkSize), { signal });
    samples.set(states[table.nfe]!, from * dim);
  }
  return { label, nfe: table.nfe, samples };
}

async function runAdaptive(
  { denoiser, schedule }: OpenModel,
  solver: SampleSolver,
  noises: Float32Array,
  conditions: Int32Array,
  signal: AbortSignal,
): Promise<Drawn> {
  const tolerance = solver.kind === 'adaptive' ? { rtol: solver.rtol, atol: solver.rtol } : {};
  try {
    const run = await adaptiveSample(denoiser, schedule, null, noises, conditions, { ...tolerance, signal });
    const nfe = run.evaluations.reduce((sum, count) => sum + count, 0) / conditions.length;
    return { label: 'adaptive Dormand–Prince 5(4)', nfe, samples: Float32Array.from(run.states.at(-1)!) };
  } catch (error) {
    if (!(error instanceof AdaptiveError)) throw error;
    throw new UserError('adaptive', error.message, { cause: error });
  }
}
