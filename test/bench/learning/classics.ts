import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { gridTimes } from '../../../src/diffusion/grids';
import { writeAtomic } from '../../../src/jobs/atomic-write';
import { classicTables, type NamedClassic } from '../../../src/jobs/classics';
import { tableHash } from '../../../src/jobs/evaluate-candidates';
import { methodParameterisation, startsAtItself, type MethodChoice } from '../../../src/learn/methods';
import { mean, tableLosses } from '../../../src/learn/objective';
import { squared } from '../../../src/learn/objectives/squared';
import type { PairSet } from '../../../src/learn/pairs';
import type { Parameterisation } from '../../../src/learn/parameterisation';
import { gridSteps } from '../../../src/solvers/registry';
import { cacheFolder, type BenchProblem } from './problem';

/** Classic solvers by their error on the validation noises, best first; measured once and kept on disk. */
export async function rankedClassics(
  { identity, schedule, denoiser }: BenchProblem,
  validation: PairSet,
  nfe: number,
  seed: number,
): Promise<{ classic: NamedClassic; loss: number }[]> {
  const classics = classicTables(schedule, nfe);
  const what = [identity, seed, ...classics.map(({ table }) => tableHash(table))];
  const path = `${cacheFolder}/classics/${createHash('sha256').update(what.join()).digest('hex')}.json`;
  let losses: (number | null)[];
  if (existsSync(path)) losses = JSON.parse(readFileSync(path, 'utf8')) as (number | null)[];
  else {
    losses = [];
    for (const { table } of classics) losses.push(mean(await tableLosses(denoiser, squared, table, validation)));
    mkdirSync(dirname(path), { recursive: true });
    await writeAtomic(path, JSON.stringify(losses));
  }
  return classics
    .flatMap((classic, i) => {
      const loss = losses[i] ?? Number.NaN;
      return Number.isFinite(loss) ? [{ classic, loss }] : [];
    })
    .sort((a, b) => a.loss - b.loss);
}

export interface Start {
  readonly classic: NamedClassic;
  readonly grid: ArrayLike<number>;
  readonly parameterisation: Parameterisation;
}

/** The best classic solver that a method takes, those first whose own table it begins with. Undefined: there is none. */
export function bestStart(
  { schedule }: BenchProblem,
  choice: MethodChoice,
  nfe: number,
  ranked: readonly { readonly classic: NamedClassic }[],
): Start | undefined {
  const classics = ranked.map(({ classic }) => classic);
  const isOwn = (classic: NamedClassic): boolean => startsAtItself(choice, classic.choice);
  for (const classic of [...classics.filter(isOwn), ...classics.filter((other) => !isOwn(other))]) {
    const { solver, timestep_spacing: spacing } = classic.choice;
    const grid = gridTimes(schedule, spacing, gridSteps(solver, nfe, false));
    const start = { choice: classic.choice, table: classic.table, grid, nfe };
    const parameterisation = methodParameterisation(schedule, choice, start);
    if (parameterisation) return { classic, grid, parameterisation };
  }
  return undefined;
}
