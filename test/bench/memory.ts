import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import * as ort from 'onnxruntime-node';
import { sessionOptions as cpuSessionOptions } from '../../src/runtime/session';
import type { GradientOptions } from './gradient-options';
import { vjpFeeds, type BenchModel } from './models';

const runs = 3;

/** In bytes. */
export interface PeakMemory {
  /** Growth over what the process had with the session open: activations, outputs and scratch. */
  readonly run: number;
  /** Growth over what it had before the session: weights, graph and kernels as well. */
  readonly all: number;
}

/**
 * How far the resident set of a fresh process grows while it runs a graph, at most. Undefined where the system cannot
 * reset the peak (elsewhere than on Linux).
 */
export async function peakMemory(
  graph: string,
  model: BenchModel,
  batch: number,
  threads: number,
): Promise<PeakMemory | undefined> {
  if (process.platform !== 'linux') return undefined;
  const args = ['gradient', '--measure', graph, '--only', model.name, '--batch', String(batch), '--threads'];
  const { stdout } = await promisify(execFile)(process.execPath, [process.argv[1]!, ...args, String(threads)], {
    // Every larger buffer gets its own mapping, so that memory freed while the model loads is not quietly used again.
    env: { ...process.env, MALLOC_MMAP_THRESHOLD_: '65536', MALLOC_TRIM_THRESHOLD_: '65536' },
  });
  const [run = NaN, all = NaN] = (stdout.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
  if (!(run > 0 && all > 0)) throw new Error(`The process that measures ${model.name}'s memory answered "${stdout}".`);
  return { run, all };
}

/** The child process of `peakMemory`: opens the graph, runs it a few times and prints both growths in bytes. */
export async function measurePeak(graph: string, { models, batch, threads }: GradientOptions): Promise<void> {
  const all = vjpFeeds(models[0]!, batch!);
  const empty = resetPeak();
  const session = await ort.InferenceSession.create(graph, sessionOptions(threads));
  const feeds = Object.fromEntries(session.inputNames.map((name) => [name, all[name]!]));
  const open = resetPeak();
  for (let run = 0; run < runs; run++) await session.run(feeds);
  const peak = memoryStatus('VmHWM');
  console.log(`${peak - open} ${peak - empty}`);
}

/** The settings every graph is opened with, and a fixed number of threads. */
export function sessionOptions(threads: number): ort.InferenceSession.SessionOptions {
  return { ...cpuSessionOptions('cpu'), intraOpNumThreads: threads };
}

/** Makes the present resident set the peak, and returns it. */
function resetPeak(): number {
  writeFileSync('/proc/self/clear_refs', '5');
  return memoryStatus('VmRSS');
}

/** A line of /proc/self/status in bytes. Linux only. */
export function memoryStatus(key: 'VmHWM' | 'VmRSS'): number {
  const line = readFileSync('/proc/self/status', 'utf8')
    .split('\n')
    .find((text) => text.startsWith(`${key}:`))!;
  return 1024 * Number(/\d+/.exec(line)![0]);
}
