import { warmStartNoises } from '../../../src/learn/warm-start';
import { startNoiseScale } from '../../../src/diffusion';
import { measure } from '../../../src/jobs/classics';
import { readFeatureStatistics } from '../../../src/jobs/feature-statistics';
import { hashModel } from '../../../src/jobs/model-hash';
import { teacherPairs, type TeacherOptions } from '../../../src/jobs/teacher';
import { accuracy } from '../../../src/metrics/accuracy';
import { Classifier } from '../../../src/runtime/classifier';
import { classicTable, solverLabel } from '../../../src/solvers/registry';
import { demoConfig, openDemo } from '../demo';
import { cacheFolder, type BenchProblem } from './problem';

const counts = { train: 192, validation: 64, test: 256 };

/** The model's bytes, its settings, the teacher and the noises. */
export async function demoIdentity(): Promise<string> {
  const { model, teacher } = await demoConfig();
  const { path, conditioning, noise_schedule, prediction_type } = model;
  const settings = { conditioning, noise_schedule, prediction_type, teacher, counts };
  return `${await hashModel(path, [])} ${JSON.stringify(settings)}`;
}

/** The bundled digits, with labels and guidance, as `media/demo/solver.yaml` has them; on the CPU. */
export async function openDemoProblem(): Promise<BenchProblem> {
  const { config, model } = await openDemo();
  const { denoiser, schedule } = model;
  const { classifier: path, feature_statistics: statistics } = config.evaluation;
  if (path === null || statistics === null) throw new Error('The demo needs its classifier and feature statistics.');
  const classifier = await Classifier.open(path, config.model.sample_shape, 'cpu');
  const identity = await demoIdentity();
  const { signal } = new AbortController();
  const teacher = config.teacher;
  const steps = teacher.num_inference_steps;
  const options = (seed: number): TeacherOptions => ({
    denoiser,
    table: classicTable(schedule, teacher, steps),
    label: solverLabel(teacher),
    identity,
    cacheDir: `${cacheFolder}/teacher`,
    seed,
    noiseScale: startNoiseScale(schedule),
    conditionCount: model.conditioning.count,
    signal,
  });
  const test = await teacherPairs(options(0), 'test', counts.test);
  const labels = config.model.conditioning.class_labels;
  return {
    identity,
    denoiser,
    schedule,
    test,
    teacherSteps: steps,
    learningPairs: async (seed) => ({
      paths: await teacherPairs(options(seed), 'train', warmStartNoises, schedule),
      train: await teacherPairs(options(seed), 'train', counts.train),
      validation: await teacherPairs(options(seed), 'validation', counts.validation),
    }),
    finerTeacher: async () =>
      (await measure(denoiser, classicTable(schedule, teacher, 2 * steps), test, signal)).samples,
    async judge(samples) {
      const { logits, features } = await classifier.run(samples);
      const classes = logits.length / test.count;
      const right = Array.from(test.conditions, (condition, i) =>
        accuracy(logits.subarray(i * classes, (i + 1) * classes), [labels[condition]!]),
      );
      return { features, dim: features.length / test.count, right };
    },
    real: await readFeatureStatistics(statistics),
    async release() {
      await classifier.release();
      await model.release();
    },
  };
}
