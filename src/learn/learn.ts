import type { NoiseSchedule } from '../diffusion/noise-schedule';
import type { Denoiser } from '../solvers/denoiser';
import { tableFromData, tableToData } from '../solvers/table';
import type { SolverTable, TableData } from '../solvers/table';
import { adamState, adamStep } from './adam';
import type { AdamState } from './adam';
import { gaussNewtonState, gaussNewtonStep, isExhausted } from './gauss-newton';
import type { GaussNewtonState } from './gauss-newton';
import type { OptimiserStep } from './optimiser';
import { mean, tableErrors } from './objective';
import { pickPairs, slicePairs } from './pairs';
import type { PairSet } from './pairs';
import type { Parameterisation } from './parameterisation';
import { relaxNoises } from './relax';
import { shuffled } from './shuffle';

export interface LearnProblem {
  readonly denoiser: Denoiser;
  readonly schedule: NoiseSchedule;
  readonly parameterisation: Parameterisation;
  readonly train: PairSet;
  /** Noises the optimiser never sees; they choose the table that is kept. */
  readonly validation: PairSet;
  /** The table to start from and never to be worse than, with its validation loss. */
  readonly start: { readonly table: SolverTable; readonly validationLoss: number };
  readonly optimizer: 'gauss_newton' | 'adam';
  readonly learningRate: number;
  readonly iterations: number;
  /** Minibatch of Adam. */
  readonly batchSize: number;
  /** L2 radius of the relaxed objective's ball; 0: hard objective. */
  readonly relaxRadius: number;
  /** Stop once this many model evaluations (a sample) were used. */
  readonly maxEvaluations: number | null;
  readonly seed: number;
}

/** Everything a resumed run needs to go on as if it had never stopped. Plain data but for typed arrays. */
export interface LearnState {
  iteration: number;
  theta: Float64Array;
  evaluations: number;
  best: { table: TableData; validationLoss: number; iteration: number; learned: boolean };
  /** Iterations without an accepted step, and validations without a clear improvement. */
  rejected: number;
  stale: number;
  gaussNewton: GaussNewtonState;
  /** One a block of parameters. */
  adam: AdamState[];
  /** Training noises as the relaxed objective moved them, and each one's reach (see relax.ts). */
  noises: Float32Array;
  reach: Float64Array;
  /** Set when early stopping or a budget ended the learning. */
  finished: boolean;
}

export interface LearnProgress {
  readonly iteration: number;
  readonly trainLoss: number;
  readonly validationLoss: number | null;
  readonly bestValidationLoss: number;
  readonly evaluations: number;
  readonly accepted: boolean;
  /** True when this iteration gave a new best table (then in `state.best`). */
  readonly improved: boolean;
}

export interface LearnHooks {
  /** Called after every iteration with a state that can be stored. */
  onStep(progress: LearnProgress, state: LearnState): Promise<void>;
  /** True when the wall-clock budget is used up. */
  outOfTime(): boolean;
  readonly signal?: AbortSignal;
}

const patience = 4;
/**
 * Steps in a row without an accepted one, a block, that end the learning. Gauss–Newton tries finer differences first;
 * Adam's next minibatch may be a better one.
 */
const rejectionsAllowed = { gauss_newton: 4, adam: 20 };
const validateEvery = { gauss_newton: 1, adam: 10 };
/** S4S-Alt with Adam changes the block it learns after this many iterations (Gauss–Newton: after each). */
const alternateEvery = { gauss_newton: 1, adam: 20 };
const relaxChunk = 64;
const firstSamples = 32;

export function initialState(problem: LearnProblem): LearnState {
  const { parameterisation, train, start } = problem;
  return {
    iteration: 0,
    theta: parameterisation.initial.slice(),
    evaluations: 0,
    best: { table: tableToData(start.table), validationLoss: start.validationLoss, iteration: 0, learned: false },
    rejected: 0,
    stale: 0,
    gaussNewton: gaussNewtonState(),
    adam: parameterisation.blocks.map(() => adamState(parameterisation.size)),
    noises: train.noises.slice(),
    reach: new Float64Array(train.count).fill(1),
    finished: false,
  };
}

/**
 * Learns θ so that the table's samples match the teacher's (S4S; S4S-Alt when the parameterisation has two blocks).
 * The best validated table is kept in `state.best`; it is the start table until something beats it, so the result is
 * never worse than the start on the validation noises. Deterministic: same problem, same state, same numbers.
 *
 * @throws AbortError when the signal fires; `state` then is as it was after the last complete iteration.
 */
export async function learn(problem: LearnProblem, state: LearnState, hooks: LearnHooks): Promise<void> {
  const { denoiser, parameterisation, optimizer } = problem;
  while (!state.finished && state.iteration < problem.iterations) {
    if (hooks.outOfTime() || (problem.maxEvaluations !== null && state.evaluations >= problem.maxEvaluations)) break;
    const next = copyState(state);
    const usesAll = usedPairs(problem, state).count === problem.train.count;
    const step = await optimise(problem, next, hooks.signal);
    next.iteration += 1;
    next.theta = step.theta;
    next.evaluations += step.evaluations;
    next.rejected = step.accepted || !usesAll ? 0 : next.rejected + 1;
    if (next.rejected >= rejectionsAllowed[optimizer] * parameterisation.blocks.length) next.finished = true;
    if (isExhausted(next.gaussNewton)) next.finished = true;

    let validationLoss: number | null = null;
    let improved = false;
    if (next.iteration % validateEvery[optimizer] === 0 || next.iteration === problem.iterations || next.finished) {
      const table = parameterisation.table(step.theta);
      validationLoss = mean(await tableErrors(denoiser, table, problem.validation, hooks.signal));
      improved = validationLoss < next.best.validationLoss;
      // A gain below half a percent does not reset the patience, but a better table is always kept.
      next.stale = validationLoss < 0.995 * next.best.validationLoss || !usesAll ? 0 : next.stale + 1;
      if (improved) {
        next.best = { table: tableToData(table), validationLoss, iteration: next.iteration, learned: true };
      }
      if (next.stale >= patience * parameterisation.blocks.length) next.finished = true;
    }
    if (problem.relaxRadius > 0 && denoiser.vjp) await relaxTraining(problem, next, hooks.signal);
    Object.assign(state, next);
    await hooks.onStep(
      {
        iteration: state.iteration,
        trainLoss: step.trainLoss,
        validationLoss,
        bestValidationLoss: state.best.validationLoss,
        evaluations: state.evaluations,
        accepted: step.accepted,
        improved,
      },
      state,
    );
  }
  state.finished = true;
}

function optimise(problem: LearnProblem, state: LearnState, signal?: AbortSignal): Promise<OptimiserStep> {
  const { denoiser, schedule, parameterisation, optimizer } = problem;
  const turn = Math.floor(state.iteration / alternateEvery[optimizer]) % parameterisation.blocks.length;
  const block = parameterisation.blocks[turn]!;
  const train = usedPairs(problem, state);
  if (optimizer === 'gauss_newton') {
    return gaussNewtonStep(
      { denoiser, schedule, parameterisation, block, theta: state.theta, train },
      state.gaussNewton,
      signal,
    );
  }
  const rate = problem.learningRate * 0.5 * (1 + Math.cos((Math.PI * state.iteration) / problem.iterations));
  const batch = pickPairs(train, batchIndices(problem, state.iteration));
  return adamStep(
    { denoiser, schedule, parameterisation, block, theta: state.theta, train: batch },
    state.adam[turn]!,
    rate,
    signal,
  );
}

/**
 * How many training noises Gauss–Newton looks at in an iteration: few at first, doubled each time. Far from the optimum a
 * rough direction is as good as an exact one, and much cheaper.
 */
export function gaussNewtonSamples(available: number, iteration: number): number {
  return Math.min(available, firstSamples * 2 ** Math.min(iteration, 30));
}

/** The training noises that an iteration looks at, as the relaxed objective moved them. */
function usedPairs({ optimizer, train, parameterisation }: LearnProblem, state: LearnState): PairSet {
  const all = { ...train, noises: state.noises };
  if (optimizer === 'adam') return all;
  // Blocks that are learned in turns see the same noises before there are more.
  const round = Math.floor(state.iteration / parameterisation.blocks.length);
  return slicePairs(all, 0, gaussNewtonSamples(train.count, round));
}

/** Minibatches walk through a shuffle that is new, and a function of the seed, in every epoch. */
function batchIndices(problem: LearnProblem, iteration: number): number[] {
  const { train, seed } = problem;
  const size = Math.min(problem.batchSize, train.count);
  const perEpoch = Math.floor(train.count / size);
  const order = shuffled(train.count, seed, Math.floor(iteration / perEpoch));
  const from = (iteration % perEpoch) * size;
  return order.slice(from, from + size);
}

/** Moves the training noises inside their balls: after each Gauss–Newton step all, with Adam once an epoch. */
async function relaxTraining(problem: LearnProblem, state: LearnState, signal?: AbortSignal): Promise<void> {
  const { train, denoiser, parameterisation, optimizer } = problem;
  const perEpoch = Math.max(1, Math.floor(train.count / problem.batchSize));
  if (optimizer === 'adam' && state.iteration % perEpoch !== 0) return;
  const table = parameterisation.table(state.theta);
  const relaxed = { centres: train.noises, radius: problem.relaxRadius, reach: state.reach };
  const moving = usedPairs(problem, state);
  for (let from = 0; from < moving.count; from += relaxChunk) {
    const part = slicePairs(moving, from, relaxChunk);
    state.evaluations += part.count * (await relaxNoises(denoiser, table, part, relaxed, from, signal));
  }
}

function copyState(state: LearnState): LearnState {
  return {
    ...state,
    theta: state.theta.slice(),
    gaussNewton: { ...state.gaussNewton },
    adam: state.adam.map(({ first, second, count }) => ({ first: first.slice(), second: second.slice(), count })),
    noises: state.noises.slice(),
    reach: state.reach.slice(),
  };
}

export function bestTable(state: LearnState): SolverTable {
  return tableFromData(state.best.table);
}
