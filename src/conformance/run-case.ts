import { referenceTrajectory } from '../solvers/reference-sampler';
import { rowOffset } from '../solvers/table';
import type { ReferenceCase, ReferenceStatistics } from './case';
import { gauss, gmm, networkOutput } from './models';
import { peers } from './peers';
import type { PeerRun, Peers } from './peers/peer';
import { predictionOf } from './peers/schedules';

/** What is compared, and how far it may be off. */
export const tolerances = {
  /** Entries, relative to themselves or, where terms cancel, to the largest of their row. */
  table: 1e-9,
  /** Network times, noise levels, input scales and the start scale, relative. */
  times: 1e-12,
  /** The grid as made from the parameters, relative. */
  grid: 1e-12,
  /** States and samples, relative to values above 1. */
  samples: 1e-8,
} as const;

export type Compared = keyof typeof tolerances;

export interface CaseResult {
  readonly id: string;
  readonly passed: boolean;
  /** The error of each comparison that was made. */
  readonly errors: Readonly<Partial<Record<Compared, number>>>;
  /** Why nothing could be compared, or null. */
  readonly problem: string | null;
}

/**
 * Fills the table of a case from its method, parameters and grid, and compares it, the times and levels of its
 * evaluations and its samples with the stored ones.
 *
 * @param xT unit start noise, flat [samples][2]
 */
export function runCase(
  reference: ReferenceCase,
  xT: readonly number[],
  statistics: ReferenceStatistics | undefined,
  known: Peers = peers,
): CaseResult {
  const { id, impl, schedule, space, pred, params, grid } = reference;
  const peer = known[impl];
  if (!peer) return { id, passed: false, errors: {}, problem: `no table is filled for "${impl}" yet` };
  try {
    const run = peer({
      schedule,
      space,
      pred,
      params,
      ...(grid === undefined ? {} : { grid }),
      ...(statistics === undefined ? {} : { statistics }),
    });
    const errors = compare(reference, run, xT);
    return { id, passed: withinTolerances(errors), errors, problem: null };
  } catch (error) {
    return { id, passed: false, errors: {}, problem: error instanceof Error ? error.message : String(error) };
  }
}

/** NaN is never within a tolerance. */
export function withinTolerances(errors: CaseResult['errors']): boolean {
  return Object.entries(errors).every(([name, error]) => error <= tolerances[name as Compared]);
}

function compare(reference: ReferenceCase, run: PeerRun, xT: readonly number[]): CaseResult['errors'] {
  const { table, startScale } = run;
  if (table.nfe !== reference.nfe) {
    throw new RangeError(`The table makes ${table.nfe} evaluations; the program makes ${reference.nfe}.`);
  }
  const calls = table.calls.map(({ t, alpha, sigma, network }) => ({
    t,
    alpha: network?.alpha ?? alpha,
    sigma: network?.sigma ?? sigma,
    // Both quotients are the scale of the input; one of them may be 0/0.
    inScale: network === undefined ? 1 : alpha === 0 ? network.sigma / sigma : network.alpha / alpha,
  }));
  const states = { gmm: [] as Float64Array[][], gauss: [] as Float64Array[][] };
  const network = { prediction: predictionOf(reference.pred), space: reference.pred === 'v' ? 'vp' : 'flow' } as const;
  for (const [name, mixture] of [
    ['gmm', gmm],
    ['gauss', gauss],
  ] as const) {
    for (let i = 0; i < xT.length; i += 2) {
      const start = xT.slice(i, i + 2).map((x) => startScale * x);
      const at = (y: Float64Array, _: number, k: number): Float64Array => {
        const { alpha, sigma, inScale } = calls[k]!;
        const input = y.map((value) => inScale * value);
        return networkOutput(mixture, network, input, alpha, sigma);
      };
      states[name].push(referenceTrajectory(at, table, start));
    }
  }
  const inner = Array.from({ length: table.nfe - 1 }, (_, k) => states.gmm.flatMap((path) => [...path[k + 1]!])).flat();
  const last = (paths: Float64Array[][]): number[] => paths.flatMap((path) => [...path[table.nfe]!]);
  return {
    ...(reference.table ? { table: tableError(run, reference.table) } : {}),
    times: Math.max(
      relativeError(
        calls.map(({ t }) => t),
        reference.t,
      ),
      relativeError(
        calls.map(({ alpha }) => alpha),
        reference.alpha,
      ),
      relativeError(
        calls.map(({ sigma }) => sigma),
        reference.sigma,
      ),
      relativeError(
        calls.map(({ inScale }) => inScale),
        reference.in_scale,
      ),
      relativeError([startScale], [reference.x_T_scale]),
    ),
    ...(run.grid && reference.grid ? { grid: gridError(run.grid, reference.grid) } : {}),
    samples: Math.max(
      relativeError(inner, reference.gmm.y, 1),
      relativeError(last(states.gmm), reference.gmm.x, 1),
      relativeError(last(states.gauss), reference.gauss.x, 1),
    ),
  };
}

/** Entries below this share of their row's largest are compared relative to it. */
const cancelled = 1e-3;

function tableError({ table }: PeerRun, stored: NonNullable<ReferenceCase['table']>): number {
  const errors = stored.a.map((a, k) => {
    const ours = [table.start[k + 1]!, ...table.weights.subarray(rowOffset(k), rowOffset(k + 1))];
    const theirs = [a, ...(stored.c[k] ?? [])];
    if (ours.length !== theirs.length) return NaN;
    const floor = cancelled * Math.max(...theirs.map(Math.abs));
    return relativeError(ours, theirs, floor);
  });
  return Math.max(...errors);
}

function gridError(ours: NonNullable<PeerRun['grid']>, stored: NonNullable<ReferenceCase['grid']>): number {
  return Math.max(
    ...Object.entries(stored).map(([name, values]) => relativeError(Array.from(ours[name] ?? []), values, 1e-9)),
  );
}

/** The largest |ours − theirs| / max(|theirs|, floor), 0/0 being 0; NaN when the lengths differ. */
export function relativeError(ours: readonly number[], theirs: readonly number[], floor = 0): number {
  if (ours.length !== theirs.length) return NaN;
  return Math.max(
    0,
    ...ours.map((value, i) => {
      const difference = Math.abs(value - theirs[i]!);
      return difference === 0 ? 0 : difference / Math.max(Math.abs(theirs[i]!), floor);
    }),
  );
}
