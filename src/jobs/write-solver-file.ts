import { basename, extname } from 'node:path';
import type { ConditioningConfig, ResolvedConfig } from '../config/resolved';
import { papersOf } from '../export/papers';
import { SOLVER_FILE_VERSION, solverFileText } from '../export/solver-file';
import type { LearnedSeed, LearnedSolver, SolverFile } from '../export/solver-file';
import { tableToData } from '../solvers/table';
import { keptSeed } from './checkpoint';
import type { Checkpoint, NfeProgress } from './checkpoint';
import { fullLabel } from './run-context';
import type { RunContext } from './run-context';
import { spread } from './spread';
import { methodLabel } from './student';
import { softwareVersions } from './versions';

/**
 * Writes solver.json: equal runs give equal bytes but for `created_at` and `run_id`. Of a run that was stopped before it was
 * measured on the test noises, what is known.
 */
export async function writeSolverFile(
  { config, folder, model, teacher }: RunContext,
  checkpoint: Checkpoint,
): Promise<void> {
  const solvers = checkpoint.solvers.flatMap((progress) => learnedSolver(config, progress) ?? []);
  const file: SolverFile = {
    version: SOLVER_FILE_VERSION,
    name: basename(config.model.path, extname(config.model.path)),
    created_at: Date.now(),
    run_id: basename(folder.path),
    model: {
      path: basename(config.model.path),
      sha256: model.hash,
      prediction_type: config.model.prediction_type,
      noise_schedule: config.model.noise_schedule,
      sample_shape: config.model.sample_shape,
      ...(model.integerTimestep ? { integer_timestep: true } : {}),
      conditioning: fileNames(config.model.conditioning),
    },
    teacher: {
      solver: fullLabel(teacher),
      num_inference_steps: config.teacher.num_inference_steps,
      table: tableToData(teacher.table),
    },
    solvers,
    config: withoutPaths(config),
    device: model.device.used,
    software: softwareVersions(),
    cite: papersOf({
      method: config.student.method,
      relaxed: config.objective.relax_radius !== 0,
      solvers: [config.teacher.solver, ...checkpoint.solvers.flatMap(({ startedFrom }) => startedFrom?.solver ?? [])],
    }),
  };
  await folder.write('solver.json', solverFileText(file));
}

/** undefined before its learning was begun. */
function learnedSolver(config: ResolvedConfig, progress: NfeProgress): LearnedSolver | undefined {
  const { nfe, startedFrom, results } = progress;
  const kept = keptSeed(progress);
  if (!kept || !startedFrom) return undefined;
  const { best, evaluations } = kept.state;
  const ended = progress.seeds[kept.seed]!.ended;
  const tested = results?.seeds[kept.seed];
  const seeds = progress.seeds.map(({ state, reason, ended: end }, seed): LearnedSeed => ({
    seed,
    validation_mse: end?.validationMse ?? state.best.validationLoss,
    validation_mse_ci95: end?.validationMseCi95 ?? null,
    test_mse: results?.seeds[seed]?.mse ?? null,
    test_mse_ci95: results?.seeds[seed]?.ci95 ?? null,
    model_evaluations: state.evaluations,
    ended: reason,
  }));
  return {
    nfe,
    learned: best.learned,
    method: best.learned ? methodLabel(config, startedFrom) : 'classic',
    table: best.table,
    started_from: startedFrom,
    validation_mse: ended?.validationMse ?? best.validationLoss,
    validation_mse_ci95: ended?.validationMseCi95 ?? null,
    test_mse: tested?.mse ?? null,
    test_mse_ci95: tested?.ci95 ?? null,
    model_evaluations: evaluations,
    seed: kept.seed,
    seeds,
    spread: {
      validation_mse: spread(seeds.map(({ validation_mse }) => validation_mse)),
      test_mse: results ? spread(results.seeds.map(({ mse }) => mse)) : null,
    },
  };
}

function fileNames({ tensors, unconditional_tensors: other, ...rest }: ConditioningConfig): ConditioningConfig {
  const names = (files: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(Object.entries(files).map(([input, path]) => [input, basename(path)]));
  return { ...rest, tensors: names(tensors), unconditional_tensors: names(other) };
}

/** File names instead of this machine's paths: the file is meant to be shared. */
function withoutPaths({ output: _, ...config }: ResolvedConfig): unknown {
  const name = (path: string | null): string | null => (path === null ? null : basename(path));
  const { classifier, feature_statistics } = config.evaluation;
  const { network, sample_weights } = config.objective;
  return {
    ...config,
    model: { ...config.model, path: basename(config.model.path), conditioning: fileNames(config.model.conditioning) },
    objective: { ...config.objective, network: name(network), sample_weights: name(sample_weights) },
    evaluation: { ...config.evaluation, classifier: name(classifier), feature_statistics: name(feature_statistics) },
  };
}
