import { createHash } from 'node:crypto';
import { isAdam, type BenchMethod } from './methods';
import type { ProblemName } from './problem';

/** One thing to learn and judge. */
export interface Cell {
  readonly problem: ProblemName;
  readonly method: BenchMethod;
  /** 0 for the teacher, which has its own. */
  readonly nfe: number;
  readonly seed: number;
  /** Model evaluations, after which Gauss–Newton begins no further iteration; null for everything else. */
  readonly budget: number | null;
  /** Of Adam. */
  readonly rate: number | null;
  readonly iterations: number | null;
}

/** To be raised with every change that makes older results something else. */
const settingsVersion = 3;

export const adamBatch = 16;

/** SHA-256 of all that decides a cell's result, shortened. */
export function cellKey(cell: Cell, identity: string): string {
  const { problem, method, nfe, seed, budget, rate, iterations } = cell;
  const what = [settingsVersion, identity, problem, method, nfe, seed, budget, rate, iterations, adamBatch];
  return createHash('sha256').update(JSON.stringify(what)).digest('hex').slice(0, 16);
}

export function cellLabel({ problem, method, nfe, seed, rate }: Cell): string {
  return `${problem} ${method}${rate === null ? '' : ` rate ${rate}`} NFE ${nfe} seed ${seed}`;
}

/** Model evaluations of Adam: a forward and a VJP, which counts as two, for every sample and step. */
export function adamEvaluations(nfe: number, iterations: number): number {
  return 3 * nfe * adamBatch * iterations;
}

/** Rough model evaluations, for the time that is left. */
export function expectedCost({ method, nfe, budget, iterations }: Cell): number {
  if (isAdam(method)) return adamEvaluations(nfe, iterations ?? 0) + ((iterations ?? 0) / 10) * 64 * nfe;
  return (budget ?? 0) * 1.3 + 3000 * Math.max(1, nfe);
}
