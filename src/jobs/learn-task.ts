import type { ResolvedConfig } from '../config/resolved';
import { bestTable, gaussNewtonSamples, initialState, learn } from '../learn/learn';
import type { LearnProblem, LearnProgress, LearnState } from '../learn/learn';
import { mean, tableLosses } from '../learn/objective';
import type { Objective } from '../learn/objective';
import type { PairSet } from '../learn/pairs';
import { slicePairs } from '../learn/pairs';
import { autoRadius } from '../learn/relax';
import { classicTable } from '../solvers/registry';
import type { SolverTable } from '../solvers/table';
import type { ResultRow, RunReport } from '../protocol';
import { classicTables, measure } from './classics';
import type { NamedTable } from './classics';
import { loadCheckpoint, saveCheckpoint } from './checkpoint';
import type { Checkpoint, NfeProgress } from './checkpoint';
import { Judge } from './evaluate';
import type { SampleQuality } from './evaluate';
import { openObjective } from './objective';
import { writeReport, writeSolverFile } from './results';
import { emitPreview, fullLabel } from './run-context';
import type { RunContext } from './run-context';
import { chooseStart, findClassic, methodLabel } from './student';
import { isFinite32, teacherPairs } from './teacher';
import { UserError } from './user-error';

interface Pairs {
  readonly train: PairSet;
  readonly validation: PairSet;
  readonly test: PairSet;
  /** The first of the test noises: what the grids show. */
  readonly preview: PairSet;
}

const checkpointEveryMs = 2000;

/** One run from teacher to report, for every number of evaluations asked for. Resumable at every checkpoint. */
export async function learnTask(context: RunContext): Promise<RunReport> {
  const { config, folder, meter, model } = context;
  warnAboutGradient(context);
  planStages(context);
  const checkpoint = loadCheckpoint(folder, model.hash) ?? { modelHash: model.hash, solvers: [], learnedMs: 0 };
  const judge = await Judge.open(config, model.device.used);
  const { objective, release } = await openObjective(context);
  try {
    const pairs = await makePairs(context);
    const { targets } = pairs.preview;
    await emitPreview(context, { nfe: 0, which: 'teacher', label: fullLabel(context.teacher) }, targets, pairs.preview);
    // Before the learning: a classifier that does not fit should not cost anyone the minutes of a run.
    const teacherQuality = await judge.judge(pairs.test.targets, pairs.test, context.signal);
    for (const nfe of config.student.num_inference_steps) await learnOne(context, objective, checkpoint, pairs, nfe);
    const report = await evaluate(context, checkpoint, judge, pairs, teacherQuality);
    meter.complete();
    return report;
  } catch (error) {
    // Whatever ended the run, the best tables so far leave it in the form people use.
    if (checkpoint.solvers.some(({ state }) => state)) {
      await writeSolverFile(context, checkpoint, null, methodLabel(config)).catch(() => undefined);
    }
    throw error;
  } finally {
    await judge.release();
    await release();
  }
}

function warnAboutGradient({ config, folder, model }: RunContext): void {
  const problem = model.gradientProblem;
  if (problem === null) return;
  if (config.training.optimizer === 'adam') {
    throw new UserError('no-gradient', `${problem} Set training.optimizer to gauss_newton, which needs no gradient.`);
  }
  folder.emit({
    kind: 'warning',
    code: 'no-gradient',
    message: `${problem} Learning goes on with differences of the network; the start noises stay fixed.`,
  });
}

/** Rough costs in model evaluations, for the progress bar. */
function planStages({ config, meter, teacher, model }: RunContext): void {
  const { samples, validation_samples: validation, iterations, optimizer } = config.training;
  const test = config.evaluation.samples;
  const steps = teacher.table.nfe;
  meter.plan('teacher', null, (samples + validation + test) * steps);
  for (const nfe of config.student.num_inference_steps) {
    const classics = classicTables(model.schedule, nfe).length;
    meter.plan('baselines', nfe, classics * validation * nfe);
    const tangents = (nfe * (nfe + 1) * (nfe + 2)) / 6 + nfe * nfe;
    const batch = config.training.batch_size === 'auto' ? 16 : config.training.batch_size;
    const perNoise = tangents + 8 * nfe;
    const step = (iteration: number): number =>
      optimizer === 'adam' ? 3 * nfe * batch : gaussNewtonSamples(samples, iteration) * perNoise + validation * nfe;
    const all = Array.from({ length: iterations }, (_, iteration) => step(iteration));
    meter.plan(
      'learn',
      nfe,
      all.reduce((sum, cost) => sum + cost),
    );
  }
  for (const nfe of config.student.num_inference_steps) {
    meter.plan('evaluate', nfe, (classicTables(model.schedule, nfe).length + 1) * test * nfe);
  }
  meter.plan('evaluate', null, 2 * steps * test);
}

async function makePairs(context: RunContext): Promise<Pairs> {
  const { config, meter, teacher, teacherOptions } = context;
  const label = `${teacher.solver}, ${teacher.table.nfe} evaluations`;
  meter.start('teacher', null, `Teacher (${label}): training noises`);
  const train = await teacherPairs(teacherOptions, 'train', config.training.samples);
  meter.say(`Teacher (${label}): validation noises`);
  const validation = await teacherPairs(teacherOptions, 'validation', config.training.validation_samples);
  meter.say(`Teacher (${label}): test noises`);
  const test = await teacherPairs(teacherOptions, 'test', Math.max(config.evaluation.samples, config.preview.samples));
  return {
    train,
    validation,
    test: slicePairs(test, 0, config.evaluation.samples),
    preview: slicePairs(test, 0, config.preview.samples),
  };
}

/** Learns one solver, from the best classic table on the validation noises. */
async function learnOne(
  context: RunContext,
  objective: Objective,
  checkpoint: Checkpoint,
  pairs: Pairs,
  nfe: number,
): Promise<void> {
  const { config, folder, meter, model, signal } = context;
  let progress = checkpoint.solvers.find((solver) => solver.nfe === nfe);
  meter.start('baselines', nfe, `Classic solvers at ${nfe} evaluations`);
  if (!progress) {
    const baselines = await rankClassics(context, objective, pairs.validation, nfe);
    progress = { nfe, baselines, startedFrom: null, state: null, results: null };
    checkpoint.solvers.push(progress);
    await saveCheckpoint(folder, checkpoint);
  }
  const bestClassic = findClassic(context, progress.baselines, nfe, 0);
  const { samples } = await measure(model.denoiser, bestClassic.table, pairs.preview, signal);
  await emitPreview(context, { nfe, which: 'classic', label: fullLabel(bestClassic) }, samples, pairs.preview);
  if (progress.state?.finished) return;

  meter.start('learn', nfe, `Learning ${nfe} evaluations from ${fullLabel(bestClassic)}`);
  const { parameterisation, start } = chooseStart(context, progress.baselines, nfe);
  const { training } = config;
  const lossesOf = (table: SolverTable, set: PairSet): Promise<Float64Array> =>
    tableLosses(model.denoiser, objective, table, set, signal);
  const problem: LearnProblem = {
    denoiser: model.denoiser,
    schedule: model.schedule,
    objective,
    parameterisation,
    train: pairs.train,
    validation: pairs.validation,
    start: { table: bestClassic.table, validationLosses: await lossesOf(bestClassic.table, pairs.validation) },
    optimizer: training.optimizer,
    adam: {
      learningRate: training.learning_rate,
      schedule: 'cosine',
      warmup: 0,
      ema: 0,
      batchSize: training.batch_size === 'auto' ? 16 : training.batch_size,
    },
    iterations: training.iterations,
    relaxRadius:
      context.teacherOptions.noiseScale *
      (config.objective.relax_radius === 'auto' ? autoRadius(pairs.train.dim, nfe) : config.objective.relax_radius),
    maxEvaluations: training.budget.evaluations,
    seed: training.seed,
  };
  if (!progress.state) {
    progress.state = initialState(problem);
    progress.startedFrom = { solver: start.solver, spacing: start.spacing };
    emitTable(context, progress.state, fullLabel(bestClassic));
    emitStep(context, nfe, {
      iteration: 0,
      trainLoss: mean(await lossesOf(start.table, pairs.train)),
      validationLoss: mean(await lossesOf(start.table, pairs.validation)),
      bestValidationLoss: progress.state.best.validationLoss,
      evaluations: 0,
      noiseShift: null,
      accepted: true,
    });
  }
  await runLearning(context, checkpoint, progress, problem, pairs.preview);
}

async function runLearning(
  context: RunContext,
  checkpoint: Checkpoint,
  progress: NfeProgress,
  problem: LearnProblem,
  preview: PairSet,
): Promise<void> {
  const { config, folder, meter, model, signal } = context;
  const state = progress.state!;
  const { nfe } = progress;
  const label = methodLabel(config);
  // The minutes are shared evenly by the solvers that are still to learn, so that the last one is not starved.
  const all = config.student.num_inference_steps;
  const left = all.length - all.indexOf(nfe);
  const share = (config.training.budget.minutes * 60_000 - checkpoint.learnedMs) / left;
  const before = checkpoint.learnedMs;
  const startedAt = Date.now();
  let lastPreview = 0;
  let lastCheckpoint = 0;
  const showLearned = async (): Promise<void> => {
    lastPreview = Date.now();
    const { samples } = await measure(model.denoiser, bestTable(state), preview, signal);
    const shown = { nfe, which: 'learned', label: state.best.learned ? label : 'start' } as const;
    await emitPreview(context, shown, samples, preview);
  };
  const store = async (): Promise<void> => {
    lastCheckpoint = Date.now();
    checkpoint.learnedMs = before + Date.now() - startedAt;
    const file = await saveCheckpoint(folder, checkpoint);
    folder.emit({ kind: 'checkpoint', file, nfe, iteration: state.iteration });
  };
  let pendingPreview = false;
  await showLearned();
  meter.limit('learn', share);
  try {
    await learn(problem, state, {
      signal,
      outOfTime: () => Date.now() - startedAt > share,
      onStep: async ({ improved, ...step }) => {
        emitStep(context, nfe, step);
        meter.say(
          `Learning ${nfe} evaluations: iteration ${step.iteration}, validation mse ${state.best.validationLoss.toPrecision(3)}`,
        );
        if (improved) {
          emitTable(context, state, label);
          pendingPreview = true;
        }
        if (Date.now() - lastCheckpoint > checkpointEveryMs) await store();
        if (pendingPreview && Date.now() - lastPreview > config.preview.every_seconds * 1000) {
          pendingPreview = false;
          await showLearned();
        }
      },
    });
  } finally {
    // Stopped or failed, too: `state` is that of the last complete iteration.
    await store();
  }
  await showLearned();
}

/** An iteration as an event; one that gave NaN or infinity has no losses to show and becomes a warning. */
function emitStep({ folder }: RunContext, nfe: number, step: Omit<LearnProgress, 'improved'>): void {
  if (Number.isFinite(step.trainLoss)) {
    const { validationLoss } = step;
    const isLoss = validationLoss !== null && Number.isFinite(validationLoss);
    folder.emit({ kind: 'step', nfe, ...step, validationLoss: isLoss ? validationLoss : null });
    return;
  }
  folder.emit({
    kind: 'warning',
    code: 'step-not-finite',
    message: `Iteration ${step.iteration} at ${nfe} evaluations gave NaN or infinity and was rejected; the best table so far is kept.`,
  });
}

function emitTable({ folder }: RunContext, state: LearnState, label: string): void {
  const { table, validationLoss, learned } = state.best;
  folder.emit({ kind: 'table', nfe: table.nfe, label, learned, validationLoss, table });
}

/** Classic solvers by their error on the validation noises, best first. */
async function rankClassics(
  context: RunContext,
  objective: Objective,
  validation: PairSet,
  nfe: number,
): Promise<NfeProgress['baselines']> {
  const { folder, meter, model, signal } = context;
  const ranked = [];
  for (const classic of classicTables(model.schedule, nfe)) {
    meter.say(`${fullLabel(classic)} at ${nfe} evaluations`);
    const validationLoss = mean(await tableLosses(model.denoiser, objective, classic.table, validation, signal));
    const { solver, spacing: name } = classic;
    if (!Number.isFinite(validationLoss)) continue;
    ranked.push({ solver, spacing: name, validationLoss });
    folder.emit({ kind: 'baseline', nfe, solver, spacing: name, validationLoss });
  }
  if (ranked.length === 0) {
    throw new UserError(
      'classics-not-finite',
      `Every classic solver gives NaN at ${nfe} evaluations; check the model.`,
    );
  }
  return ranked.sort((a, b) => a.validationLoss - b.validationLoss);
}

/** Measures learned and classic tables on the test noises and writes what the run is for. */
async function evaluate(
  context: RunContext,
  checkpoint: Checkpoint,
  judge: Judge,
  pairs: Pairs,
  quality: SampleQuality,
): Promise<RunReport> {
  const { config, folder, meter, model, teacher, signal } = context;
  const results: ResultRow[] = [];
  for (const progress of checkpoint.solvers) {
    const { nfe } = progress;
    meter.start('evaluate', nfe, `Evaluating ${nfe} evaluations on ${pairs.test.count} unseen noises`);
    progress.results ??= await resultRows(context, progress, judge, pairs);
    results.push(...progress.results);
    await saveCheckpoint(folder, checkpoint);
  }
  meter.start('evaluate', null, 'Teacher against itself at twice the steps');
  const steps = 2 * config.teacher.num_inference_steps;
  const finer = classicTable(model.schedule, config.teacher, steps);
  const self = await measure(model.denoiser, finer, pairs.test, signal);
  if (!isFinite32(self.samples)) {
    folder.emit({ kind: 'warning', code: 'teacher-unstable', message: `The teacher gives NaN at ${steps} steps.` });
  }
  const report: RunReport = {
    teacher: {
      solver: fullLabel(teacher),
      num_inference_steps: config.teacher.num_inference_steps,
      self_mse: mean(self.errors),
      accuracy: quality.accuracy,
      fd: quality.fd,
    },
    results,
  };
  await writeSolverFile(context, checkpoint, results, methodLabel(config));
  await writeReport(context, checkpoint, report);
  return report;
}

async function resultRows(
  { config, model, signal }: RunContext,
  progress: NfeProgress,
  judge: Judge,
  { test }: Pairs,
): Promise<ResultRow[]> {
  const { nfe, state } = progress;
  const rows: ResultRow[] = [];
  if (state?.best.learned) {
    const learned: NamedTable = { solver: methodLabel(config), spacing: 'learned', table: bestTable(state) };
    rows.push(await judge.row(learned, true, await measure(model.denoiser, learned.table, test, signal), test, signal));
  }
  for (const classic of classicTables(model.schedule, nfe)) {
    const measured = await measure(model.denoiser, classic.table, test, signal);
    if (!isFinite32(measured.samples)) continue;
    rows.push(await judge.row(classic, false, measured, test, signal));
  }
  return rows.sort((a, b) => Number(b.learned) - Number(a.learned) || a.mse - b.mse);
}
