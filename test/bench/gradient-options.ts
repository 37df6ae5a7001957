import { parseArgs } from 'node:util';
import { models, type BenchModel } from './models';

export interface GradientOptions {
  /** Threads of ONNX Runtime and PyTorch alike; one by default, because threads that wait for each other multiply noise. */
  readonly threads: number;
  readonly rounds: number;
  readonly models: readonly BenchModel[];
  /** Instead of each model's own batches. */
  readonly batch: number | undefined;
  readonly json: boolean;
  readonly profile: boolean;
  /** A Python with torch, diffusers and onnx, to compare with. */
  readonly torch: string | undefined;
  /** Set in the child processes that measure memory: the graph to run. */
  readonly measure: string | undefined;
}

export function parseGradientOptions(args: readonly string[]): GradientOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      threads: { type: 'string', default: '1' },
      rounds: { type: 'string', default: '9' },
      only: { type: 'string', multiple: true },
      batch: { type: 'string' },
      json: { type: 'boolean', default: false },
      profile: { type: 'string' },
      torch: { type: 'string' },
      measure: { type: 'string' },
    },
  });
  const names = values.profile === undefined ? values.only : [values.profile];
  return {
    threads: count('threads', values.threads),
    rounds: count('rounds', values.rounds),
    models: names?.map(named) ?? models,
    batch: values.batch === undefined ? undefined : count('batch', values.batch),
    json: values.json,
    profile: values.profile !== undefined,
    torch: values.torch,
    measure: values.measure,
  };
}

function named(name: string): BenchModel {
  const model = models.find((candidate) => candidate.name === name);
  if (model) return model;
  throw new Error(`There is no bench model "${name}"; there are ${models.map((known) => known.name).join(', ')}.`);
}

function count(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`--${option} must be a positive whole number, not "${text}".`);
}
