import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { NoiseSchedule } from '../diffusion';
import type { Denoiser } from '../solvers/denoiser';
import { sample } from '../solvers/sampler';
import { tableToData } from '../solvers/table';
import type { SolverTable } from '../solvers/table';
import type { PairSet } from '../learn/pairs';
import { keptEvaluations, teacherPath } from '../learn/teacher-path';
import { writeAtomic } from './atomic-write';
import { startNoises } from './noise';
import type { NoiseStream } from './noise';
import { UserError } from './user-error';

/** Pairs are made and cached in chunks of this many, so that a stopped run loses at most one chunk. */
const chunkSize = 32;

export interface TeacherOptions {
  readonly denoiser: Denoiser;
  readonly table: SolverTable;
  readonly label: string;
  /** Everything that decides the samples besides table, seed and labels: model hash, schedule, guidance, device. */
  readonly identity: string;
  readonly cacheDir: string;
  readonly seed: number;
  /** σ_T: the standard deviation of the start noise. */
  readonly noiseScale: number;
  /** Number of conditions; sample i has condition i mod this. */
  readonly conditionCount: number;
  readonly signal: AbortSignal;
}

/**
 * Runs the teacher over seeded noises, or takes its samples from the content-addressed cache.
 *
 * @param pathOn keep the teacher's paths, too (see `TeacherPath`): the schedule that its times belong to
 * @throws UserError when it gives NaN, or its paths would take more than `largestPaths` bytes
 */
export async function teacherPairs(
  options: TeacherOptions,
  stream: NoiseStream,
  count: number,
  pathOn?: NoiseSchedule,
): Promise<PairSet> {
  const { denoiser, table, seed, noiseScale } = options;
  const { dim } = denoiser;
  const kept = pathOn ? keptEvaluations(table.times) : [];
  assertPathsFit(count, kept.length * dim);
  const noises = startNoises(seed, stream, 0, count, dim, noiseScale);
  const conditions = conditionsOf(0, count, options.conditionCount);
  const targets = new Float32Array(count * dim);
  const data = new Float32Array(count * kept.length * dim);
  for (let from = 0; from < count; from += chunkSize) {
    const size = Math.min(chunkSize, count - from);
    const chunk = await teacherChunk(options, stream, from, size, pathOn);
    targets.set(chunk.samples, from * dim);
    data.set(chunk.data, from * kept.length * dim);
  }
  const times = Float64Array.from(kept, (k) => table.times[k]!);
  return { count, dim, noises, targets, conditions, ...(pathOn && { path: { dim, times, starts: noises, data } }) };
}

/** Bytes of paths that are held for one set of noises: 1 GiB. */
const largestPaths = 2 ** 30;

/** How many noises' paths are held at most, for samples of `dim` elements. */
export function mostPaths(table: SolverTable, dim: number): number {
  return Math.floor(largestPaths / (keptEvaluations(table.times).length * dim * Float32Array.BYTES_PER_ELEMENT));
}

function assertPathsFit(count: number, width: number): void {
  const each = width * Float32Array.BYTES_PER_ELEMENT;
  if (count * each <= largestPaths) return;
  throw new UserError(
    'paths-too-large',
    `The teacher's paths of ${count} noises would take ${((count * each) / 2 ** 30).toFixed(1)} GiB of memory; at most 1 GiB` +
      ` is kept. Set training.samples to ${Math.floor(largestPaths / each)} or fewer, teacher.num_inference_steps lower,` +
      ` or objective.trajectory_weight to 0.`,
  );
}

export function conditionsOf(from: number, count: number, conditionCount: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => (conditionCount === 0 ? 0 : (from + i) % conditionCount));
}

interface TeacherChunk {
  readonly samples: Float32Array;
  /** `TeacherPath.data` of the chunk; empty when paths are not asked for. */
  readonly data: Float32Array;
}

async function teacherChunk(
  options: TeacherOptions,
  stream: NoiseStream,
  from: number,
  size: number,
  pathOn: NoiseSchedule | undefined,
): Promise<TeacherChunk> {
  const { denoiser, table, seed, noiseScale, signal } = options;
  const key = createHash('sha256')
    .update(JSON.stringify([options.identity, tableToData(table), seed, stream, from, size, options.conditionCount]))
    .digest('hex');
  const file = join(options.cacheDir, `${key}.f32`);
  // A file of its own, so that samples made without paths still count.
  const pathFile = join(options.cacheDir, `${key}.path.f32`);
  const points = pathOn ? keptEvaluations(table.times).length : 0;
  const cached = readCached(file, size * denoiser.dim);
  const cachedPath = pathOn ? readCached(pathFile, size * points * denoiser.dim) : new Float32Array(0);
  if (cached && cachedPath) return { samples: cached, data: cachedPath };
  const noises = startNoises(seed, stream, from, size, denoiser.dim, noiseScale);
  const conditions = conditionsOf(from, size, options.conditionCount);
  const run = await sample(denoiser, table, noises, conditions, { signal });
  const { states, outputs } = run;
  const samples = states[table.nfe]!;
  if (!isFinite32(samples)) {
    const call = outputs.findIndex((output) => !isFinite32(output));
    throw new UserError(
      'teacher-not-finite',
      `The teacher (${options.label}, ${table.nfe} evaluations) produced NaN or infinity at evaluation ${call + 1}` +
        ` (time ${table.times[call] ?? table.times.at(-1)}). Check model.prediction_type, noise_schedule and` +
        ` guidance_scale in solver.yaml, or whether the network overflows in float16.`,
    );
  }
  await writeCached(file, samples);
  if (!pathOn) return { samples, data: new Float32Array(0) };
  const { data } = teacherPath(pathOn, table, run, size);
  await writeCached(pathFile, data);
  return { samples, data };
}

async function writeCached(path: string, values: Float32Array): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const digest = createHash('sha256').update(bytesOf(values)).digest();
  await writeAtomic(path, Buffer.concat([bytesOf(values), digest]));
}

/** A cache file is numbers followed by their SHA-256; anything torn or changed counts as absent. */
function readCached(path: string, length: number): Float32Array | undefined {
  if (!existsSync(path)) return undefined;
  const file = readFileSync(path);
  const size = length * Float32Array.BYTES_PER_ELEMENT;
  if (file.length !== size + 32) return undefined;
  const body = Uint8Array.from(file.subarray(0, size));
  if (!createHash('sha256').update(body).digest().equals(file.subarray(size))) return undefined;
  return new Float32Array(body.buffer);
}

function bytesOf(values: Float32Array): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

export function isFinite32(values: Float32Array): boolean {
  for (const value of values) if (!Number.isFinite(value)) return false;
  return true;
}
