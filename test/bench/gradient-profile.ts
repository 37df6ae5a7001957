import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { buildVjpGraph, parseModel, serializeModel, type OnnxModel } from '../../src/onnx';
import type { GradientOptions } from './gradient-options';
import { vjpFeeds, type BenchModel } from './models';

const rows = 15;

/**
 * Where the time of a VJP goes: kernels by operator, in milliseconds a run, from ONNX Runtime's own profiler. Forward
 * is what the outputs of the given model need, in the graph as ONNX Runtime has optimised it; the rest is backward.
 */
export async function printProfile(model: BenchModel, batch: number, options: GradientOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 's4s-profile-'));
  try {
    const given = parseModel(model.read(), model.name);
    const optimised = join(folder, 'optimised.onnx');
    const session = await ort.InferenceSession.create(serializeModel(buildVjpGraph(given)), {
      executionProviders: ['cpu'],
      graphOptimizationLevel: 'all',
      intraOpNumThreads: options.threads,
      logSeverityLevel: 4,
      optimizedModelFilePath: optimised,
      enableProfiling: true,
      profileFilePrefix: join(folder, 'profile'),
    });
    const feeds = vjpFeeds(model, batch);
    for (let round = 0; round <= options.rounds; round++) await session.run(feeds);
    session.endProfiling();
    await session.release();
    const outputs = given.graph.output.map(({ name }) => name);
    const forward = nodesBehind(parseModel(readFileSync(optimised), optimised), outputs);
    print(`${model.name}, batch ${batch}`, byOperator(readProfile(folder), forward, options.rounds));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Names of the nodes that the values depend on. */
function nodesBehind({ graph }: OnnxModel, values: readonly string[]): Set<string> {
  const needed = new Set(values);
  const nodes = new Set<string>();
  for (const node of graph.node.toReversed()) {
    if (!node.output.some((name) => needed.has(name))) continue;
    nodes.add(node.name);
    for (const name of node.input) needed.add(name);
  }
  return nodes;
}

interface KernelEvent {
  readonly node: string;
  readonly operator: string;
  readonly microseconds: number;
}

/** The kernels of all runs but the first, which allocates. */
function readProfile(folder: string): KernelEvent[] {
  const file = readdirSync(folder).find((name) => name.startsWith('profile'))!;
  const events = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
    cat: string;
    name: string;
    dur: number;
    args?: { op_name?: string };
  }[];
  const seen = new Set<string>();
  return events.flatMap(({ cat, name, dur, args }) => {
    if (cat !== 'Node' || !name.endsWith('_kernel_time') || args?.op_name === undefined) return [];
    const node = name.slice(0, -'_kernel_time'.length);
    if (!seen.has(node)) {
      seen.add(node);
      return [];
    }
    return [{ node, operator: args.op_name, microseconds: dur }];
  });
}

interface OperatorTime {
  readonly operator: string;
  readonly nodes: Set<string>;
  forward: number;
  backward: number;
}

function byOperator(events: readonly KernelEvent[], forward: ReadonlySet<string>, rounds: number): OperatorTime[] {
  const times = new Map<string, OperatorTime>();
  for (const { node, operator, microseconds } of events) {
    const time = times.get(operator) ?? { operator, nodes: new Set(), forward: 0, backward: 0 };
    times.set(operator, time);
    time.nodes.add(node);
    time[forward.has(node) ? 'forward' : 'backward'] += microseconds / 1000 / rounds;
  }
  return [...times.values()].sort((a, b) => b.forward + b.backward - a.forward - a.backward);
}

function print(title: string, times: readonly OperatorTime[]): void {
  const sum = (pick: (time: OperatorTime) => number): number => times.reduce((total, time) => total + pick(time), 0);
  const forward = sum((time) => time.forward);
  const backward = sum((time) => time.backward);
  console.log(`${title}: kernels ${(forward + backward).toFixed(1)} ms a run\n`);
  console.log('| operator | nodes | forward ms | backward ms | of all |');
  console.log('| --- | --: | --: | --: | --: |');
  for (const time of times.slice(0, rows)) {
    const share = (100 * (time.forward + time.backward)) / (forward + backward);
    console.log(
      `| ${time.operator} | ${time.nodes.size} | ${time.forward.toFixed(2)} | ${time.backward.toFixed(2)} | ${share.toFixed(1)} % |`,
    );
  }
  console.log(`| all | ${sum((time) => time.nodes.size)} | ${forward.toFixed(2)} | ${backward.toFixed(2)} | 100 % |`);
}
