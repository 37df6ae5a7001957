import { mean } from '../learn/objective';
import { bootstrapCi95 } from '../metrics/bootstrap';
import type { ResultRow, RunReport, SolverReport } from '../protocol';
import { tableFromData } from '../solvers/table';
import { keptSeed, saveCheckpoint } from './checkpoint';
import type { Checkpoint, EvaluatedSolver, NfeProgress } from './checkpoint';
import { classicTables, measure } from './classics';
import type { NamedTable } from './classics';
import type { Judge, SampleQuality } from './evaluate';
import { fullLabel } from './run-context';
import type { RunContext } from './run-context';
import type { RunPairs } from './run-pairs';
import { spread } from './spread';
import { methodLabel } from './student';
import { isFinite32 } from './teacher';
import { floorAdvice } from './teacher-floor';

/** Measures learned and classic tables on the test noises, which nothing was learned from or chosen by. */
export async function evaluateRun(
  context: RunContext,
  checkpoint: Checkpoint,
  judge: Judge,
  pairs: RunPairs,
  quality: SampleQuality,
): Promise<RunReport> {
  const { config, folder, meter, teacher } = context;
  for (const progress of checkpoint.solvers) {
    const { nfe } = progress;
    meter.start('evaluate', nfe, `Evaluating ${nfe} evaluations on ${pairs.test.count} unseen noises`);
    progress.results ??= await evaluateSolver(context, progress, judge, pairs);
    await saveCheckpoint(folder, checkpoint);
  }
  const results = checkpoint.solvers.flatMap(({ results }) => results!.rows);
  const floor = checkpoint.floor === 'not-finite' ? null : checkpoint.floor;
  const { num_inference_steps: steps } = config.teacher;
  const advice =
    floor &&
    floorAdvice(
      floor,
      steps,
      results.filter(({ learned }) => learned),
    );
  if (advice) folder.emit({ kind: 'warning', code: 'near-teacher', message: advice });
  return {
    teacher: {
      solver: fullLabel(teacher),
      num_inference_steps: steps,
      self_mse: floor?.mse ?? null,
      self_mse_ci95: floor?.ci95 ?? null,
      accuracy: quality.accuracy,
      fd: quality.fd,
    },
    results,
    solvers: checkpoint.solvers.map(solverReport),
  };
}

async function evaluateSolver(
  { config, model, signal }: RunContext,
  progress: NfeProgress,
  judge: Judge,
  { test }: RunPairs,
): Promise<EvaluatedSolver> {
  const kept = keptSeed(progress)!;
  const rows: ResultRow[] = [];
  const seeds: { mse: number; ci95: [number, number] }[] = [];
  for (const [seed, { state }] of progress.seeds.entries()) {
    const table = tableFromData(state.best.table);
    const measured = await measure(model.denoiser, table, test, signal);
    seeds.push({ mse: mean(measured.errors), ci95: bootstrapCi95(measured.errors, config.training.seed) });
    if (seed !== kept.seed || !state.best.learned) continue;
    const learned: NamedTable = { solver: methodLabel(config, progress.startedFrom), spacing: 'learned', table };
    rows.push(await judge.row(learned, true, measured, test, signal));
  }
  for (const classic of classicTables(model.schedule, progress.nfe)) {
    const measured = await measure(model.denoiser, classic.table, test, signal);
    if (!isFinite32(measured.samples)) continue;
    rows.push(await judge.row(classic, false, measured, test, signal));
  }
  return { rows: rows.sort((a, b) => Number(b.learned) - Number(a.learned) || a.mse - b.mse), seeds };
}

function solverReport(progress: NfeProgress): SolverReport {
  const { nfe, startedFrom, results } = progress;
  const kept = keptSeed(progress)!;
  const seeds = progress.seeds.map(({ state, reason, ended }, seed) => ({
    seed,
    validation_mse: ended!.validationMse,
    validation_mse_ci95: ended!.validationMseCi95,
    test_mse: results!.seeds[seed]!.mse,
    test_mse_ci95: results!.seeds[seed]!.ci95,
    ended: reason!,
    iterations: state.iteration,
    model_evaluations: state.evaluations,
    noise_shift: ended!.noiseShift,
  }));
  return {
    nfe,
    learned: kept.state.best.learned,
    started_from: startedFrom!,
    seed: kept.seed,
    seeds,
    spread: {
      validation_mse: spread(seeds.map(({ validation_mse }) => validation_mse)),
      test_mse: spread(seeds.map(({ test_mse }) => test_mse)),
    },
  };
}
