import { initialState } from '../learn/learn';
import type { LearnProblem, LearnState } from '../learn/learn';
import { mean, tableLosses } from '../learn/objective';
import type { Objective } from '../learn/objective';
import type { PairSet } from '../learn/pairs';
import { autoRadius } from '../learn/relax';
import { tableToData } from '../solvers/table';
import { keptSeed, saveCheckpoint } from './checkpoint';
import type { Checkpoint, NfeProgress } from './checkpoint';
import { chooseStart } from './choose-start';
import type { ChosenStart } from './choose-start';
import { measure } from './classics';
import { tooFewNoises } from './generalisation';
import { adamBatch } from './learn-plan';
import { emitStep, emitTable, learnSeed, ofSeeds } from './learn-seed';
import { rankClassics } from './rank-classics';
import { emitPreview, fullLabel } from './run-context';
import type { RunContext } from './run-context';
import type { RunPairs } from './run-pairs';
import { seedOf } from './run-pairs';
import { findClassic, methodLabel } from './student';

/** What the solvers of a run are learned with. */
export interface LearnRun {
  readonly context: RunContext;
  readonly objective: Objective;
  /** What its losses are called: `mse`, `LPIPS`, … */
  readonly lossName: string;
  readonly checkpoint: Checkpoint;
  readonly pairs: RunPairs;
}

/**
 * Learns the solver of a number of evaluations, once for every seed. All begin at the same start and are measured on the
 * same validation noises; never worse there than the best classic solver.
 */
export async function learnSolver(run: LearnRun, nfe: number): Promise<void> {
  const { context, objective, lossName, checkpoint, pairs } = run;
  const { config, folder, meter, model, signal } = context;
  meter.start('baselines', nfe, `Classic solvers at ${nfe} evaluations`);
  const progress = await begin(run, nfe);
  const bestClassic = findClassic(context, progress.baselines, nfe, 0);
  const { samples } = await measure(model.denoiser, bestClassic.table, pairs.preview, signal);
  await emitPreview(context, { nfe, which: 'classic', label: fullLabel(bestClassic) }, samples, pairs.preview);
  const { seeds } = config.training;
  if (progress.seeds.length === seeds && progress.seeds.every(({ ended }) => ended)) return;

  const chosen = await chooseStart(context, objective, pairs, progress, checkpoint);
  const { start, validationLosses } = chosen;
  if (!progress.startedFrom) {
    const { solver, spacing } = start;
    progress.startedFrom = { solver, spacing };
    folder.emit({ kind: 'start', nfe, solver, spacing, validationLoss: mean(validationLosses) });
  }
  const classicLosses = await tableLosses(model.denoiser, objective, bestClassic.table, pairs.validation, signal);
  meter.start('learn', nfe, `Learning ${nfe} evaluations from ${fullLabel(start)}`);
  for (let seed = 0; seed < seeds; seed++) {
    if (progress.seeds[seed]?.ended) continue;
    meter.say(`Learning ${nfe} evaluations from ${fullLabel(start)}${ofSeeds(context, seed)}`);
    const train = await pairs.train(seed);
    const classic = { table: bestClassic.table, validationLosses: classicLosses };
    const problem = problemOf(run, chosen, train, classic, seedOf(config.training.seed, seed));
    if (!progress.seeds[seed]) {
      const state = initialState(problem);
      state.evaluations = chosen.evaluations;
      progress.seeds.push({ state, reason: null, ended: null });
      if (seed === 0) emitTable(context, state, fullLabel(bestClassic));
      if (mean(validationLosses) < state.best.validationLoss) {
        beginAtStart(state, chosen);
        if (seed === 0) emitTable(context, state, methodLabel(config, progress.startedFrom));
      }
      emitStep(context, nfe, seed, {
        iteration: 0,
        trainLoss: mean(await tableLosses(model.denoiser, objective, chosen.table, train, signal)),
        validationLoss: mean(validationLosses),
        bestValidationLoss: state.best.validationLoss,
        evaluations: state.evaluations,
        noiseShift: null,
        accepted: true,
      });
    }
    const end = await learnSeed({ context, lossName, checkpoint, progress, seed, problem, preview: pairs.preview });
    const learned = progress.seeds[seed]!;
    learned.ended = end;
    // Nothing moves them any more, and they are most of a checkpoint.
    learned.state.noises = new Float32Array(0);
    if (seed === seeds - 1) warnOfTooFewNoises(context, progress);
    await saveCheckpoint(folder, checkpoint);
  }
}

/** The checkpoint's entry, with the classic solvers measured. */
async function begin({ context, objective, checkpoint, pairs }: LearnRun, nfe: number): Promise<NfeProgress> {
  const found = checkpoint.solvers.find((solver) => solver.nfe === nfe);
  if (found) return found;
  const baselines = await rankClassics(context, objective, pairs.validation, nfe);
  const progress: NfeProgress = { nfe, baselines, startedFrom: null, seeds: [], results: null };
  checkpoint.solvers.push(progress);
  await saveCheckpoint(context.folder, checkpoint);
  return progress;
}

function problemOf(
  { context, objective, pairs }: LearnRun,
  { parameterisation, table }: ChosenStart,
  train: PairSet,
  start: LearnProblem['start'],
  seed: number,
): LearnProblem {
  const { config, model, teacherOptions } = context;
  const { training } = config;
  const { relax_radius: radius } = config.objective;
  const canRelax = model.denoiser.vjp !== undefined && objective.gradient !== undefined;
  return {
    denoiser: model.denoiser,
    schedule: model.schedule,
    objective,
    parameterisation,
    train,
    validation: pairs.validation,
    start,
    optimizer: training.optimizer,
    adam: {
      learningRate: training.learning_rate,
      schedule: training.learning_rate_schedule,
      warmup: training.warmup,
      ema: training.ema,
      batchSize: adamBatch(training.batch_size),
    },
    iterations: training.iterations,
    relaxRadius: canRelax
      ? teacherOptions.noiseScale * (radius === 'auto' ? autoRadius(train.dim, table.nfe) : radius)
      : 0,
    maxEvaluations: training.budget.evaluations,
    seed,
  };
}

/** A start that is better than every classic solver is kept until learning finds something better. */
function beginAtStart(state: LearnState, { table, validationLosses }: ChosenStart): void {
  state.best = {
    table: tableToData(table),
    validationLoss: mean(validationLosses),
    iteration: 0,
    learned: true,
  };
}

/** Says so when the seed that is kept has learned its noises by heart. */
function warnOfTooFewNoises({ config, folder }: RunContext, progress: NfeProgress): void {
  const { last } = progress.seeds[keptSeed(progress)!.seed]!.ended!;
  const message = tooFewNoises(progress.nfe, config.training.samples, last);
  if (message !== undefined) folder.emit({ kind: 'warning', code: 'too-few-noises', message });
}
