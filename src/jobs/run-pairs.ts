import type { PairSet } from '../learn/pairs';
import { slicePairs } from '../learn/pairs';
import { warmStartNoises } from '../learn/warm-start';
import type { OpenObjective } from './objective';
import type { RunContext } from './run-context';
import { startsAreFitted } from './student';
import { mostPaths, teacherPairs } from './teacher';

/** The noises of a run with what the teacher makes of them. */
export interface RunPairs {
  /**
   * Training noises of a seed. Seed k of a run learns from the training noises of `training.seed` + k. Only the last ones
   * asked for are held in memory; the others come from the teacher's cache.
   */
  train(seed: number): Promise<PairSet>;
  /** Training noises with the teacher's way to their samples, for `fittedStarts`; null where nothing starts from it. */
  readonly paths: PairSet | null;
  readonly validation: PairSet;
  readonly test: PairSet;
  /** The first of the test noises: what the grids show. */
  readonly preview: PairSet;
}

/** Samples the teacher, for all seeds before anything is learned, and prepares what is learned from for the objective. */
export async function makePairs(
  { config, meter, model, teacher, teacherOptions }: RunContext,
  objective: Pick<OpenObjective, 'prepare'>,
): Promise<RunPairs> {
  const { training, evaluation, preview } = config;
  const label = `${teacher.solver}, ${teacher.table.nfe} evaluations`;
  const pathOn = config.objective.trajectory_weight > 0 ? model.schedule : undefined;
  const drawn = (seed: number): Promise<PairSet> =>
    teacherPairs({ ...teacherOptions, seed: seedOf(training.seed, seed) }, 'train', training.samples, pathOn);
  let held: { readonly seed: number; readonly pairs: PairSet } | undefined;
  const train = async (seed: number): Promise<PairSet> => {
    if (held?.seed !== seed) held = { seed, pairs: await objective.prepare(await drawn(seed), 'train') };
    return held.pairs;
  };
  meter.start('teacher', null, `Teacher (${label}): training noises`);
  // Before the others, which then take the samples of these from the cache.
  const followed = Math.min(training.samples, warmStartNoises, mostPaths(teacher.table, model.denoiser.dim));
  const paths =
    startsAreFitted(config) && followed > 0
      ? await teacherPairs(teacherOptions, 'train', followed, model.schedule)
      : null;
  for (let seed = 0; seed < training.seeds; seed++) await drawn(seed);
  meter.say(`Teacher (${label}): validation noises`);
  const validated = await teacherPairs(teacherOptions, 'validation', training.validation_samples);
  const validation = await objective.prepare(validated, 'validation');
  meter.say(`Teacher (${label}): test noises`);
  const test = await teacherPairs(teacherOptions, 'test', Math.max(evaluation.samples, preview.samples));
  return {
    train,
    paths,
    validation,
    test: slicePairs(test, 0, evaluation.samples),
    preview: slicePairs(test, 0, preview.samples),
  };
}

/** The number behind the random numbers of a seed of a run; 32 bits, as `training.seed`. */
export function seedOf(first: number, seed: number): number {
  return (first + seed) % 2 ** 32;
}
