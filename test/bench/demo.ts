import { resolve } from 'node:path';
import type { ResolvedConfig } from '../../src/config';
import { loadConfig } from '../../src/jobs/load-config';
import { startNoises } from '../../src/jobs/noise';
import { openModel } from '../../src/jobs/open-model';
import type { OpenModel } from '../../src/jobs/open-model';
import type { DenoiserBatch } from '../../src/solvers/denoiser';

/** The demo config on the CPU, optionally without guidance. */
export async function demoConfig(): Promise<ResolvedConfig> {
  const config = await loadConfig(resolve('media/demo/solver.yaml'));
  return { ...config, device: 'cpu' };
}

export async function openDemo(): Promise<{ config: ResolvedConfig; model: OpenModel }> {
  const config = await demoConfig();
  return { config, model: await openModel(config, () => {}) };
}

/** Noises halfway down the schedule, all conditions in turn. */
export function demoBatch({ denoiser, schedule }: OpenModel, count: number): DenoiserBatch {
  const t = schedule.timeOfLambda(0);
  const { sigma } = schedule.at(t);
  return {
    states: startNoises(0, 'test', 0, count, denoiser.dim, sigma),
    times: new Float64Array(count).fill(t),
    conditions: Int32Array.from({ length: count }, (_, i) => i % 10),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

/** Milliseconds of each of `rounds` runs, the given actions in turn so that drift hits all alike. */
export async function pairedTimes(rounds: number, ...actions: (() => Promise<unknown>)[]): Promise<number[][]> {
  for (const action of actions) await action();
  const times: number[][] = actions.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, action] of actions.entries()) {
      const start = performance.now();
      await action();
      times[i]!.push(performance.now() - start);
    }
  }
  return times;
}

/** Median of the ratios round by round. */
export function medianRatio(a: readonly number[], b: readonly number[]): number {
  return median(a.map((value, i) => value / b[i]!));
}
