import { cpus } from 'node:os';
import * as ort from 'onnxruntime-node';
import { measureBuilding, type BuildingRow } from './gradient-building';
import { measureGradient, type GradientRow } from './gradient-measure';
import { parseGradientOptions, type GradientOptions } from './gradient-options';
import { printProfile } from './gradient-profile';
import { measurePeak } from './memory';
import { models } from './models';
import { TorchProcess } from './torch';

/** Goals of VJP / forward; the floor is 2. */
const goals = { convolutional: 2.3, transformer: 2.6 } as const;

/** Forward and VJP of whole networks: times, memory, graph building, PyTorch beside it; see docs/benchmarks.md. */
export async function benchGradient(args: readonly string[]): Promise<void> {
  const options = parseGradientOptions(args);
  if (options.measure !== undefined) return measurePeak(options.measure, options);
  const jobs = options.models.flatMap((model) =>
    (options.batch === undefined ? model.batches : [options.batch]).map((batch) => ({ model, batch })),
  );
  if (options.profile) {
    for (const { model, batch } of jobs) await printProfile(model, batch, options);
    return;
  }

  const torch = options.torch === undefined ? undefined : new TorchProcess(options.torch);
  const rows: GradientRow[] = [];
  const say = (text: string): void => {
    if (!options.json) console.log(text);
  };
  say(heading(options));
  try {
    for (const { model, batch } of jobs) {
      const row = await measureGradient(model, batch, options, torch);
      rows.push(row);
      say(line(row));
    }
  } finally {
    torch?.close();
  }
  const building = options.models === models ? measureBuilding() : [];
  if (building.length > 0) say(buildingTable(building));
  say(explanation);
  if (options.json) console.log(JSON.stringify({ machine: machine(options), rows, building }, null, 2));
}

function machine({ threads, rounds }: GradientOptions) {
  const processors = cpus();
  return {
    cores: processors.length,
    processor: processors[0]?.model ?? 'unknown',
    threads,
    rounds,
    node: process.version,
    onnxruntime: ort.env.versions.node ?? ort.env.versions.common,
  };
}

function heading(options: GradientOptions): string {
  const { cores, processor, threads, rounds, node, onnxruntime } = machine(options);
  const columns = [
    ...['model', 'batch', 'forward ms', 'VJP ms', 'ratio', 'goal'],
    ...['run MB', 'VJP run MB', 'run ratio', 'process MB', 'VJP process MB', 'process ratio', 'build ms', 'open ms'],
    ...(options.torch === undefined
      ? []
      : ['torch forward ms', 'torch fwd+bwd ms', 'forward ours/torch', 'VJP ours/torch']),
  ];
  return [
    `${cores} cores (${processor}), ${threads} threads, ${rounds} rounds; Node ${node}, ONNX Runtime ${onnxruntime}, CPU provider\n`,
    tableLine(columns),
    tableLine(columns.map((_, i) => (i === 0 ? '---' : '--:'))),
  ].join('\n');
}

function line(row: GradientRow): string {
  const { forwardPeak, vjpPeak, torch } = row;
  const peaks = (['run', 'all'] as const).flatMap((part) =>
    forwardPeak && vjpPeak
      ? [mb(forwardPeak[part]), mb(vjpPeak[part]), (vjpPeak[part] / forwardPeak[part]).toFixed(2)]
      : ['', '', ''],
  );
  return tableLine([
    ...[row.model, String(row.batch), ms(row.forward), ms(row.vjp), row.ratio.toFixed(2), goals[row.kind].toFixed(1)],
    ...[...peaks, ms(row.build), ms(row.open)],
    ...(torch ? [ms(torch.forward), ms(torch.backward), torch.forwardRatio.toFixed(2), torch.ratio.toFixed(2)] : []),
  ]);
}

function buildingTable(rows: readonly BuildingRow[]): string {
  return [
    '',
    'Building the VJP graph of longer UNets (goal: 5,000 nodes in under 3 s, linear in nodes)\n',
    tableLine(['nodes', 'VJP nodes', 'ms', 'µs a node']),
    tableLine(['--:', '--:', '--:', '--:']),
    ...rows.map(({ nodes, vjpNodes, ms: time }) =>
      tableLine([String(nodes), String(vjpNodes), ms(time), ((1000 * time) / nodes).toFixed(0)]),
    ),
  ].join('\n');
}

const explanation = `
forward, VJP: medians of runs in turn; VJP includes the forward pass. ratio: median of VJP / forward round by round.
run: how far a fresh process's resident set grows over what it was with the session open, at most: activations and
scratch. process: over what it was before the session, so with weights and kernels. On Linux only; empty elsewhere.
build: from the model's bytes to the VJP graph's bytes. open: ONNX Runtime's loading and optimising of the VJP graph.`;

const tableLine = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const ms = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
const mb = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
