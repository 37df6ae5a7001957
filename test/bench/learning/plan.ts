import { cellKey, type Cell } from './cells';
import { isAdam, type BenchMethod } from './methods';
import type { LearnBenchOptions } from './options';
import type { ProblemName } from './problem';
import type { CellResult } from './results';

/** NFE at which Adam is compared; the largest ones would cost hours. */
const adamNfe = [4, 5, 6, 8];
const firstRates = [0.01, 0.003, 0.03];
/** What the search may go on to. */
const ladder = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3];

export interface PlannedCell {
  readonly key: string;
  readonly cell: Cell;
}

/**
 * All cells in an order in which the first ones say most: seed by seed, Gauss–Newton before Adam. Adam's rate is tuned on
 * seed 0, beyond the ends of the first rates if need be, and the other seeds get the best: what they need is planned
 * once that is known.
 */
export function planCells(
  options: LearnBenchOptions,
  identities: ReadonlyMap<ProblemName, string>,
  results: ReadonlyMap<string, CellResult>,
): PlannedCell[] {
  const planned: PlannedCell[] = [];
  const add = (cell: Cell): PlannedCell => {
    const entry = { key: cellKey(cell, identities.get(cell.problem)!), cell };
    planned.push(entry);
    return entry;
  };
  for (let seed = 0; seed < options.seeds; seed++) {
    for (const problem of options.problems) {
      if (seed === 0 && options.methods.includes('teacher')) add(plainCell(problem, 'teacher', 0, 0));
      for (const nfe of options.nfe) {
        for (const method of options.methods) {
          if (method === 'teacher' || isAdam(method)) continue;
          const budget =
            method === 'classic' || method === 'dode' ? null : (options.budget ?? defaultBudget(problem, nfe));
          add({ ...plainCell(problem, method, nfe, seed), budget });
        }
      }
    }
    for (const problem of options.problems) {
      for (const nfe of options.nfe.filter((count) => adamNfe.includes(count))) {
        for (const method of options.methods.filter(isAdam)) {
          const cellOf = (rate: number, ofSeed: number): Cell => ({
            ...plainCell(problem, method, nfe, ofSeed),
            rate,
            iterations: options.adamIterations,
          });
          const lossOf = (rate: number): number | undefined =>
            results.get(cellKey(cellOf(rate, 0), identities.get(problem)!))?.outcome?.validation;
          const rates = options.rates ?? (seed === 0 ? openRates(lossOf) : tunedRate(lossOf));
          for (const rate of rates) add(cellOf(rate, seed));
        }
      }
    }
  }
  return planned;
}

/** A tenth of what Adam uses for 2,000 iterations of batch 16; a twentieth where a network is evaluated. */
export function defaultBudget(problem: ProblemName, nfe: number): number {
  return { mixture: 9600, demo: 4800 }[problem] * nfe;
}

function plainCell(problem: ProblemName, method: BenchMethod, nfe: number, seed: number): Cell {
  return { problem, method, nfe, seed, budget: null, rate: null, iterations: null };
}

/** The first rates, and once they are done the next one beyond an end that is the best so far. */
function openRates(lossOf: (rate: number) => number | undefined): number[] {
  const tried = ladder.filter((rate) => firstRates.includes(rate) || lossOf(rate) !== undefined);
  const next = beyond(tried, lossOf);
  return [...firstRates, ...tried.filter((rate) => !firstRates.includes(rate)), ...(next === undefined ? [] : [next])];
}

/** The best rate once no better one is left to look for. */
function tunedRate(lossOf: (rate: number) => number | undefined): number[] {
  const tried = ladder.filter((rate) => firstRates.includes(rate) || lossOf(rate) !== undefined);
  const best = bestRate(tried, lossOf);
  return best === undefined || beyond(tried, lossOf) !== undefined ? [] : [best];
}

function beyond(tried: readonly number[], lossOf: (rate: number) => number | undefined): number | undefined {
  const best = bestRate(tried, lossOf);
  if (best === tried[0]) return ladder[ladder.indexOf(best!) - 1];
  if (best === tried.at(-1)) return ladder[ladder.indexOf(best!) + 1];
  return undefined;
}

/** Undefined while one is missing. */
function bestRate(tried: readonly number[], lossOf: (rate: number) => number | undefined): number | undefined {
  const losses = tried.map((rate) => lossOf(rate));
  const known = losses.filter((loss) => loss !== undefined);
  return known.length < tried.length ? undefined : tried[losses.indexOf(Math.min(...known))];
}
