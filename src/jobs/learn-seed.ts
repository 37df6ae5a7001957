import { bestTable, learn } from '../learn/learn';
import type { LearnProblem, LearnProgress, LearnState } from '../learn/learn';
import { mean, tableLosses } from '../learn/objective';
import { noiseShift } from '../learn/relax';
import { Resamples } from '../metrics/resamples';
import type { EndReason } from '../protocol';
import type { SolverTable } from '../solvers/table';
import { keptSeed, saveCheckpoint } from './checkpoint';
import type { Checkpoint, Generalisation, LearningEnd, NfeProgress, SeedProgress } from './checkpoint';
import { measure } from './classics';
import { generalisation } from './generalisation';
import { emitPreview } from './run-context';
import type { RunContext } from './run-context';
import type { RunPairs } from './run-pairs';
import { methodLabel } from './student';

const checkpointEveryMs = 2000;
/** Milliseconds; Node's timers take no more. */
const longestTimer = 2 ** 31 - 1;

/** One learning: of a number of evaluations, from the training noises of a seed. */
export interface SeedTask {
  readonly context: RunContext;
  readonly lossName: string;
  readonly checkpoint: Checkpoint;
  readonly progress: NfeProgress;
  readonly seed: number;
  readonly problem: LearnProblem;
  readonly preview: RunPairs['preview'];
}

/**
 * Learns from where the seed's state is, with an event for every iteration, checkpoints, and pictures of what is new and
 * better. What it returns is not in the checkpoint yet.
 *
 * @throws AbortError when the run is stopped; the checkpoint then holds the last complete iteration.
 */
export async function learnSeed(task: SeedTask): Promise<LearningEnd> {
  const learning = task.progress.seeds[task.seed]!;
  if (learning.reason === null) await iterate(task, learning);
  await showKept(task);
  return endOf(task, learning.reason!);
}

async function iterate(task: SeedTask, learning: SeedProgress): Promise<void> {
  const { context, checkpoint, progress, seed, problem } = task;
  const { state } = learning;
  const { config, folder, meter, signal } = context;
  const { nfe } = progress;
  await showKept(task);
  const startedAt = Date.now();
  const share = millisecondsFor(task);
  const before = checkpoint.learnedMs;
  let lastCheckpoint = 0;
  const store = async (): Promise<void> => {
    lastCheckpoint = Date.now();
    checkpoint.learnedMs = before + Date.now() - startedAt;
    const file = await saveCheckpoint(folder, checkpoint);
    folder.emit({ kind: 'checkpoint', file, nfe, seed, iteration: state.iteration });
  };
  let isPreviewDue = false;
  let lastPreview = startedAt;
  const show = async (): Promise<void> => {
    lastPreview = Date.now();
    isPreviewDue = false;
    await showKept(task);
  };
  meter.limit('learn', share * config.training.seeds);
  // An iteration of a large model takes minutes: it is cut off, too.
  const clock = AbortSignal.timeout(Math.min(longestTimer, Math.max(0, Math.round(share))));
  let endedItself = state.finished;
  try {
    await learn(problem, state, {
      signal: AbortSignal.any([signal, clock]),
      outOfTime: () => clock.aborted,
      onStep: async ({ improved, ...step }) => {
        endedItself = state.finished;
        emitStep(context, nfe, seed, step);
        const where = `${nfe} evaluations${ofSeeds(context, seed)}: iteration ${step.iteration}`;
        meter.say(`Learning ${where}, validation ${task.lossName} ${state.best.validationLoss.toPrecision(3)}`);
        if (improved && keptSeed(progress)?.seed === seed) {
          emitTable(context, state, methodLabel(config, progress.startedFrom));
          isPreviewDue = true;
        }
        if (Date.now() - lastCheckpoint > checkpointEveryMs) await store();
        if (isPreviewDue && Date.now() - lastPreview > config.preview.every_seconds * 1000) await show();
      },
    });
    learning.reason = endReason(problem, state, endedItself, clock.aborted);
  } catch (error) {
    if (error !== clock.reason || signal.aborted) throw error;
    state.finished = true;
    learning.reason = 'minutes';
  } finally {
    // Stopped or failed, too: `state` is that of the last complete iteration.
    await store();
  }
  if (learning.reason === 'minutes' && state.iteration === 0) {
    const message = `The time for ${nfe} evaluations${ofSeeds(context, seed)} was over before the first iteration; raise training.budget.minutes.`;
    folder.emit({ kind: 'warning', code: 'budget-too-small', message });
  }
}

/** The minutes are shared evenly by what is still to learn, so that the last one is not starved. */
function millisecondsFor({ context, checkpoint }: SeedTask): number {
  const { num_inference_steps: nfes } = context.config.student;
  const { budget, seeds } = context.config.training;
  const ended = checkpoint.solvers.flatMap((solver) => solver.seeds).filter((seed) => seed.ended).length;
  return (budget.minutes * 60_000 - checkpoint.learnedMs) / (nfes.length * seeds - ended);
}

/** @param endedItself whether the last iteration ended the learning, not a budget or the number of iterations */
function endReason(
  { iterations }: LearnProblem,
  state: LearnState,
  endedItself: boolean,
  isOutOfTime: boolean,
): EndReason {
  if (endedItself) return state.rejected > 0 ? 'exhausted' : 'no-clear-gain';
  if (state.iteration >= iterations) return 'iterations';
  return isOutOfTime ? 'minutes' : 'evaluations';
}

/** Measures the table that is kept, and the last one, on the noises they were learned from and on those they were not. */
async function endOf({ context, progress, seed, problem }: SeedTask, reason: EndReason): Promise<LearningEnd> {
  const { config, folder, model, signal } = context;
  const { denoiser, objective, train, validation, relaxRadius } = problem;
  const { state } = progress.seeds[seed]!;
  const bootstrap = config.training.seed;
  // Without a path the objective has no trajectory term, which the validation noises do not have either.
  const { path: _, ...learnedFrom } = train;
  const measured = async (table: SolverTable): Promise<Generalisation> =>
    generalisation(
      await tableLosses(denoiser, objective, table, learnedFrom, signal),
      await tableLosses(denoiser, objective, table, validation, signal),
      bootstrap,
    );
  const table = bestTable(state);
  const kept = await measured(table);
  const last = state.best.iteration === state.iteration ? kept : await measured(lastTable(problem, state));
  const { errors } = await measure(model.denoiser, table, validation, signal);
  const { iteration } = state;
  const { validationLoss, validationCi95 } = kept;
  const trainLoss = Number.isFinite(kept.trainLoss) ? kept.trainLoss : null;
  const { nfe } = progress;
  folder.emit({ kind: 'learning-ended', nfe, seed, reason, iteration, trainLoss, validationLoss, validationCi95 });
  return {
    kept,
    last,
    validationMse: mean(errors),
    validationMseCi95: new Resamples(errors.length, bootstrap).meanInterval(errors),
    noiseShift: relaxRadius > 0 ? noiseShift(state.noises, train.noises, train.dim, relaxRadius) : null,
  };
}

function lastTable({ parameterisation, optimizer, adam }: LearnProblem, state: LearnState): SolverTable {
  return parameterisation.table(optimizer === 'adam' && adam.ema > 0 ? state.average : state.theta);
}

async function showKept({ context, progress, preview }: SeedTask): Promise<void> {
  const { config, model, signal } = context;
  const { state } = keptSeed(progress)!;
  const { samples } = await measure(model.denoiser, bestTable(state), preview, signal);
  const label = state.best.learned ? methodLabel(config, progress.startedFrom) : 'start';
  await emitPreview(context, { nfe: progress.nfe, which: 'learned', label }, samples, preview);
}

/** An iteration as an event; one that gave NaN or infinity has no losses to show and becomes a warning. */
export function emitStep(
  { folder }: RunContext,
  nfe: number,
  seed: number,
  step: Omit<LearnProgress, 'improved'>,
): void {
  if (Number.isFinite(step.trainLoss)) {
    const { validationLoss } = step;
    const isLoss = validationLoss !== null && Number.isFinite(validationLoss);
    folder.emit({ kind: 'step', nfe, seed, ...step, validationLoss: isLoss ? validationLoss : null });
    return;
  }
  folder.emit({
    kind: 'warning',
    code: 'step-not-finite',
    message: `Iteration ${step.iteration} at ${nfe} evaluations gave NaN or infinity and was rejected; the best table so far is kept.`,
  });
}

export function emitTable({ folder }: RunContext, { best }: LearnState, label: string): void {
  const { table, validationLoss, learned } = best;
  folder.emit({ kind: 'table', nfe: table.nfe, label, learned, validationLoss, table });
}

/** `, seed 2 of 3`; nothing where there is one. */
export function ofSeeds({ config }: RunContext, seed: number): string {
  const { seeds } = config.training;
  return seeds === 1 ? '' : `, seed ${seed + 1} of ${seeds}`;
}
