import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as ort from 'onnxruntime-node';
import { buildVjpGraph, parseModel, serializeModel } from '../../src/onnx';
import { median, medianRatio } from './demo';
import type { GradientOptions } from './gradient-options';
import { peakMemory, sessionOptions, type PeakMemory } from './memory';
import { vjpFeeds, type BenchModel, type Feeds } from './models';
import type { TorchProcess } from './torch';

/** What is measured of one model at one batch size; times in milliseconds, sizes in bytes. */
export interface GradientRow {
  readonly model: string;
  readonly kind: BenchModel['kind'];
  readonly batch: number;
  readonly forward: number;
  /** Forward and backward together. */
  readonly vjp: number;
  /** Median of vjp / forward, round by round. */
  readonly ratio: number;
  readonly forwardPeak: PeakMemory | undefined;
  readonly vjpPeak: PeakMemory | undefined;
  /** From the bytes of the model to the bytes of the VJP graph. */
  readonly build: number;
  /** Opening the VJP graph in ONNX Runtime. */
  readonly open: number;
  readonly torch?: {
    readonly forward: number;
    readonly backward: number;
    /** Medians of ours / PyTorch's, round by round. */
    readonly forwardRatio: number;
    readonly ratio: number;
    /** max |a − b| / max |b| over output and gradients, b PyTorch's. */
    readonly difference: number;
  };
}

/** Rests between timed runs: threads of the session before spin for a moment and would take a core. */
const restMs = 15;

export async function measureGradient(
  model: BenchModel,
  batch: number,
  { threads, rounds }: GradientOptions,
  torch: TorchProcess | undefined,
): Promise<GradientRow> {
  const folder = mkdtempSync(join(tmpdir(), 's4s-bench-'));
  const paths = { forward: join(folder, 'forward.onnx'), vjp: join(folder, 'vjp.onnx') };
  try {
    const given = model.read();
    const build = await repeat(3, () => serializeModel(buildVjpGraph(parseModel(given, model.name))));
    writeFileSync(paths.forward, given);
    writeFileSync(paths.vjp, build.result);
    const memory = {
      forwardPeak: await peakMemory(paths.forward, model, batch, threads),
      vjpPeak: await peakMemory(paths.vjp, model, batch, threads),
    };

    const open = await repeat(3, () => ort.InferenceSession.create(paths.vjp, sessionOptions(threads)));
    const vjpSession = open.result;
    const forwardSession = await ort.InferenceSession.create(paths.forward, sessionOptions(threads));
    const vjpInputs = vjpFeeds(model, batch);
    const forwardInputs = Object.fromEntries(forwardSession.inputNames.map((name) => [name, vjpInputs[name]!]));
    const results = await vjpSession.run(vjpInputs);
    const difference = torch && (await compareWithTorch(torch, model, paths.forward, vjpInputs, results, threads));

    const [forward, vjp, torchForward, torchBackward] = await alternate(rounds, [
      stopwatch(() => forwardSession.run(forwardInputs)),
      stopwatch(() => vjpSession.run(vjpInputs)),
      ...(torch ? [() => torch.time('forward'), () => torch.time('backward')] : []),
    ]);
    await forwardSession.release();
    await vjpSession.release();
    return {
      model: model.name,
      kind: model.kind,
      batch,
      forward: median(forward!),
      vjp: median(vjp!),
      ratio: medianRatio(vjp!, forward!),
      ...memory,
      build: build.ms,
      open: open.ms,
      ...(difference !== undefined && {
        torch: {
          forward: median(torchForward!),
          backward: median(torchBackward!),
          forwardRatio: medianRatio(forward!, torchForward!),
          ratio: medianRatio(vjp!, torchBackward!),
          difference,
        },
      }),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Opens the network in PyTorch and makes sure that both compute the same: only then are times comparable. */
async function compareWithTorch(
  torch: TorchProcess,
  model: BenchModel,
  path: string,
  feeds: Feeds,
  results: ort.InferenceSession.OnnxValueMapType,
  threads: number,
): Promise<number> {
  const { output, gradients } = await torch.open(model, path, feeds, feeds[`${model.output.name}_cotangent`]!, threads);
  const active = Object.keys(model.inputs).filter((name) => feeds[name]!.type === 'float32');
  const differences = [
    relativeDifference(results[model.output.name]!, output),
    ...active.map((name, i) => relativeDifference(results[`${name}_gradient`]!, gradients[i]!)),
  ];
  const worst = Math.max(...differences);
  if (worst < 1e-3) return worst;
  throw new Error(`${model.name}: ONNX Runtime and PyTorch differ by ${differences.join(', ')} (output, gradients).`);
}

function relativeDifference(actual: ort.Tensor, expected: Float32Array): number {
  const values = actual.data as Float32Array;
  if (values.length !== expected.length) return Infinity;
  let [gap, size] = [0, 0];
  expected.forEach((value, i) => {
    gap = Math.max(gap, Math.abs(value - values[i]!));
    size = Math.max(size, Math.abs(value));
  });
  return gap / size;
}

/**
 * Runs the actions in turn, `rounds` times or as often as fits in two seconds where that is more (small networks need
 * more rounds for a steady median), after two rounds that do not count.
 */
async function alternate(rounds: number, actions: readonly (() => Promise<number>)[]): Promise<number[][]> {
  const times: number[][] = actions.map(() => []);
  let start = performance.now();
  for (let round = -2; round < rounds || performance.now() - start < 2000; round++) {
    if (round === 0) start = performance.now();
    for (const [i, action] of actions.entries()) {
      await sleep(restMs);
      const ms = await action();
      if (round >= 0) times[i]!.push(ms);
    }
  }
  return times;
}

function stopwatch(action: () => Promise<unknown>): () => Promise<number> {
  return async () => {
    const start = performance.now();
    await action();
    return performance.now() - start;
  };
}

/** The median time of `count` calls, and the last one's result. */
async function repeat<T>(count: number, action: () => T | Promise<T>): Promise<{ ms: number; result: T }> {
  const times: number[] = [];
  for (;;) {
    const start = performance.now();
    const result = await action();
    times.push(performance.now() - start);
    if (times.length === count) return { ms: median(times), result };
  }
}
