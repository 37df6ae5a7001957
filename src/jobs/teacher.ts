import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Denoiser } from '../solvers/denoiser';
import { sample } from '../solvers/sampler';
import { tableToData } from '../solvers/table';
import type { SolverTable } from '../solvers/table';
import type { PairSet } from '../learn/pairs';
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

/** Runs the teacher over seeded noises, or takes its samples from the content-addressed cache. */
export async function teacherPairs(options: TeacherOptions, stream: NoiseStream, count: number): Promise<PairSet> {
  const { denoiser, seed, noiseScale } = options;
  const { dim } = denoiser;
  const noises = startNoises(seed, stream, 0, count, dim, noiseScale);
  const conditions = conditionsOf(0, count, options.conditionCount);
  const targets = new Float32Array(count * dim);
  for (let from = 0; from < count; from += chunkSize) {
    const size = Math.min(chunkSize, count - from);
    targets.set(await teacherChunk(options, stream, from, size), from * dim);
  }
  return { count, dim, noises, targets, conditions };
}

export function conditionsOf(from: number, count: number, conditionCount: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => (conditionCount === 0 ? 0 : (from + i) % conditionCount));
}

async function teacherChunk(
  options: TeacherOptions,
  stream: NoiseStream,
  from: number,
  size: number,
): Promise<Float32Array> {
  const { denoiser, table, seed, noiseScale, signal } = options;
  const key = createHash('sha256')
    .update(JSON.stringify([options.identity, tableToData(table), seed, stream, from, size, options.conditionCount]))
    .digest('hex');
  const path = join(options.cacheDir, `${key}.f32`);
  const cached = readCached(path, size * denoiser.dim);
  if (cached) return cached;
  const noises = startNoises(seed, stream, from, size, denoiser.dim, noiseScale);
  const conditions = conditionsOf(from, size, options.conditionCount);
  const { states, outputs } = await sample(denoiser, table, noises, conditions, { signal });
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
  mkdirSync(dirname(path), { recursive: true });
  const digest = createHash('sha256').update(bytesOf(samples)).digest();
  await writeAtomic(path, Buffer.concat([bytesOf(samples), digest]));
  return samples;
}

/** A cache file is the samples followed by their SHA-256; anything torn or changed counts as absent. */
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
