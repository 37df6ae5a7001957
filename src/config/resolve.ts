import { resolve } from 'node:path';
import { defaultIterations, defaultOptimizer, defaultOrder, defaultSpacing, stepList } from './defaults';
import type { ResolvedConfig, SolverChoice } from './resolved';
import type { SolverYaml } from './schema';

/** Fills the defaults that depend on other keys and makes paths absolute, from `baseDir`. The file has no errors. */
export function resolveConfig(yaml: SolverYaml, baseDir: string): ResolvedConfig {
  const { model, teacher, student, objective, training, evaluation } = yaml;
  const absolute = (path: string) => resolve(baseDir, path);
  const absolutePaths = (files: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(files).map(([input, path]) => [input, absolute(path)]));
  const optionalPath = (path: string | null) => (path === null ? null : absolute(path));
  const steps = stepList(student.num_inference_steps);
  const fewest = steps[0] ?? 1;
  const choice = (
    given: Pick<SolverChoice, 'solver'> & { [K in 'order' | 'timestep_spacing']?: SolverChoice[K] | undefined },
    most: number,
  ): SolverChoice => ({
    solver: given.solver,
    order: given.order ?? defaultOrder(given.solver, most),
    timestep_spacing: given.timestep_spacing ?? defaultSpacing(model.noise_schedule),
  });
  const optimizer = training.optimizer ?? defaultOptimizer(objective.distance);
  const { sample, timestep, class_labels } = model.inputs;
  return {
    version: 1,
    model: {
      path: absolute(model.path),
      prediction_type: model.prediction_type,
      noise_schedule: model.noise_schedule,
      sample_shape: model.sample_shape,
      conditioning: {
        ...model.conditioning,
        tensors: absolutePaths(model.conditioning.tensors),
        unconditional_tensors: absolutePaths(model.conditioning.unconditional_tensors),
      },
      inputs: {
        ...(sample === undefined ? {} : { sample }),
        ...(timestep === undefined ? {} : { timestep }),
        ...(class_labels === undefined ? {} : { class_labels }),
      },
    },
    teacher: { ...choice(teacher, teacher.num_inference_steps), num_inference_steps: teacher.num_inference_steps },
    student: {
      method: student.method,
      family: student.family,
      order: student.order ?? defaultOrder(undefined, fewest),
      consistent_rows: student.consistent_rows,
      monotone_times: student.monotone_times,
      num_inference_steps: steps,
      init: student.init === 'auto' ? 'auto' : choice(student.init, fewest),
    },
    objective: {
      ...objective,
      network: optionalPath(objective.network),
      sample_weights: optionalPath(objective.sample_weights),
    },
    training: {
      samples: training.samples,
      validation_samples: training.validation_samples,
      batch_size: training.batch_size,
      optimizer,
      learning_rate: training.learning_rate,
      learning_rate_schedule: training.learning_rate_schedule,
      warmup: training.warmup,
      ema: training.ema,
      iterations: training.iterations ?? defaultIterations(optimizer, student.method),
      seed: training.seed,
      seeds: training.seeds,
      budget: training.budget,
    },
    evaluation: {
      samples: evaluation.samples,
      classifier: optionalPath(evaluation.classifier),
      feature_statistics: optionalPath(evaluation.feature_statistics),
    },
    device: yaml.device,
    preview: yaml.preview,
    output: absolute(yaml.output),
  };
}
