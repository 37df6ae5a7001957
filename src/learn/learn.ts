import type { NoiseSchedule } from '../diffusion/noise-schedule';
import type { Denoiser } from '../solvers/denoiser';
import { tableFromData, tableToData } from '../solvers/table';
import type { SolverTable, TableData } from '../solvers/table';
import { Resamples } from '../metrics/resamples';
import { adamState, adamStep, averaged, learningRate } from './adam';
import type { AdamSettings, AdamState } from './adam';
import { gaussNewtonState, gaussNewtonStep, isExhausted } from './gauss-newton';
import type { GaussNewtonState } from './gauss-newton';
import type { OptimiserStep } from './optimiser';
import { mean, tableLosses } from './objective';
import type { Objective } from './objective';
import { pickPairs, slicePairs } from './pairs';
import type { PairSet } from './pairs';
import type { Parameterisation } from './parameterisation';
import { noiseShift, relaxNoises } from './relax';
import type { NoiseShift } from './relax';
import { shuffled } from './shuffle';

export interface LearnProblem {
  readonly denoiser: Denoiser;
  readonly schedule: NoiseSchedule;
  readonly objective: Objective;
  readonly parameterisation: Parameterisation;
  readonly train: PairSet;
  /** Noises the optimiser never sees; they choose the table that is kept. */
  readonly validation: PairSet;
  /** The table never to be worse than, with its loss on each validation noise. */
  readonly start: { readonly table: SolverTable; readonly validationLosses: Float64Array };
  readonly optimizer: 'gauss_newton' | 'adam';
  readonly adam: AdamSettings;
  readonly iterations: number;
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
  /** Iterations without an accepted step, and validations without a clear improvement since `reference`. */
  rejected: number;
  stale: number;
  /**
   * Validation losses of the last table that was clearly better than the one before; null before the first. Not those of
   * `best` at first: a method may begin behind it, and its progress is its own.
   */
  reference: Float64Array | null;
  /** One a block of parameters, as below. */
  gaussNewton: GaussNewtonState[];
  /** One a block of parameters. */
  adam: AdamState[];
  /** Exponential average of θ (Adam). */
  average: Float64Array;
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
  /** How far the relaxed objective has moved the training noises; null for the hard objective. */
  readonly noiseShift: NoiseShift | null;
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
const resampleSeed = 0;
const firstSamples = 32;

export function initialState(problem: LearnProblem): LearnState {
  const { parameterisation, train, start } = problem;
  return {
    iteration: 0,
    theta: parameterisation.initial.slice(),
    evaluations: 0,
    best: {
      table: tableToData(start.table),
      validationLoss: mean(start.validationLosses),
      iteration: 0,
      learned: false,
    },
    rejected: 0,
    stale: 0,
    reference: null,
    gaussNewton: parameterisation.blocks.map(() => gaussNewtonState()),
    adam: parameterisation.blocks.map(() => adamState(parameterisation.size)),
    average: parameterisation.initial.slice(),
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
  const { denoiser, objective, parameterisation, optimizer, validation } = problem;
  const resamples = new Resamples(validation.count, resampleSeed);
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
    if (next.gaussNewton.every(isExhausted)) next.finished = true;

    let validationLoss: number | null = null;
    let improved = false;
    if (next.iteration % validateEvery[optimizer] === 0 || next.iteration === problem.iterations || next.finished) {
      const table = parameterisation.table(optimizer === 'adam' && problem.adam.ema > 0 ? next.average : step.theta);
      const losses = await tableLosses(denoiser, objective, table, validation, hooks.signal);
      validationLoss = mean(losses);
      improved = validationLoss < next.best.validationLoss;
      // A better table is always kept, but only one that is better beyond the chance of these noises (95 % interval of the
      // ratio, paired) resets the patience. Small gains add up until they are clear.
      const isClear = next.reference === null || resamples.ratioInterval(losses, next.reference)[1] < 1;
      if (isClear) next.reference = losses;
      next.stale = isClear || !usesAll ? 0 : next.stale + 1;
      if (improved) {
        next.best = { table: tableToData(table), validationLoss, iteration: next.iteration, learned: true };
      }
      if (next.stale >= patience * parameterisation.blocks.length) next.finished = true;
    }
    if (problem.relaxRadius > 0 && denoiser.vjp && objective.gradient) await relaxTraining(problem, next, hooks.signal);
    Object.assign(state, next);
    await hooks.onStep(
      {
        iteration: state.iteration,
        trainLoss: step.trainLoss,
        validationLoss,
        bestValidationLoss: state.best.validationLoss,
        evaluations: state.evaluations,
        noiseShift: shiftOf(problem, state),
        accepted: step.accepted,
        improved,
      },
      state,
    );
  }
  state.finished = true;
}

async function optimise(problem: LearnProblem, state: LearnState, signal?: AbortSignal): Promise<OptimiserStep> {
  const { denoiser, schedule, objective, parameterisation, optimizer } = problem;
  const turn = Math.floor(state.iteration / alternateEvery[optimizer]) % parameterisation.blocks.length;
  const block = parameterisation.blocks[turn]!;
  const train = usedPairs(problem, state);
  if (optimizer === 'gauss_newton') {
    return gaussNewtonStep(
      { denoiser, schedule, objective, parameterisation, block, theta: state.theta, train },
      state.gaussNewton[turn]!,
      signal,
    );
  }
  const batch = pickPairs(train, batchIndices(problem, state.iteration));
  const step = await adamStep(
    { denoiser, schedule, objective, parameterisation, block, theta: state.theta, train: batch },
    state.adam[turn]!,
    learningRate(problem.adam, state.iteration, problem.iterations),
    signal,
  );
  state.average = averaged(state.average, step.theta, problem.adam.ema, state.iteration + 1);
  return step;
}

/**
 * How many training noises Gauss–Newton looks at in an iteration: few at first, half as many more each time. Far from the
 * optimum a rough direction is as good as an exact one, and much cheaper. (On the mixture of the benchmark, doubling ends a
 * third higher at equal evaluations.)
 */
export function gaussNewtonSamples(available: number, iteration: number): number {
  return Math.min(available, Math.round(firstSamples * 1.5 ** Math.min(iteration, 50)));
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
  const size = Math.min(problem.adam.batchSize, train.count);
  const perEpoch = Math.floor(train.count / size);
  const order = shuffled(train.count, seed, Math.floor(iteration / perEpoch));
  const from = (iteration % perEpoch) * size;
  return order.slice(from, from + size);
}

/** Moves the training noises inside their balls: after each Gauss–Newton step all, with Adam once an epoch. */
async function relaxTraining(problem: LearnProblem, state: LearnState, signal?: AbortSignal): Promise<void> {
  const { train, denoiser, objective, parameterisation, optimizer } = problem;
  const perEpoch = Math.max(1, Math.floor(train.count / problem.adam.batchSize));
  if (optimizer === 'adam' && state.iteration % perEpoch !== 0) return;
  const table = parameterisation.table(state.theta);
  const relaxed = { centres: train.noises, radius: problem.relaxRadius, reach: state.reach };
  const moving = usedPairs(problem, state);
  for (let from = 0; from < moving.count; from += relaxChunk) {
    const part = slicePairs(moving, from, relaxChunk);
    state.evaluations += part.count * (await relaxNoises(denoiser, objective, table, part, relaxed, from, signal));
  }
}

function shiftOf({ train, relaxRadius }: LearnProblem, { noises }: LearnState): NoiseShift | null {
  return relaxRadius > 0 ? noiseShift(noises, train.noises, train.dim, relaxRadius) : null;
}

function copyState(state: LearnState): LearnState {
  return {
    ...state,
    theta: state.theta.slice(),
    gaussNewton: state.gaussNewton.map((block) => ({ ...block })),
    adam: state.adam.map(({ first, second, count }) => ({ first: first.slice(), second: second.slice(), count })),
    noises: state.noises.slice(),
    reach: state.reach.slice(),
  };
}

export function bestTable(state: LearnState): SolverTable {
  return tableFromData(state.best.table);
}
