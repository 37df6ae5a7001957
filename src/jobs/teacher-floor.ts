import { mean, squaredErrors } from '../learn/objective';
import type { PairSet } from '../learn/pairs';
import { slicePairs } from '../learn/pairs';
import { bootstrapCi95 } from '../metrics/bootstrap';
import { classicTable } from '../solvers/registry';
import type { TeacherFloor } from './checkpoint';
import type { RunContext } from './run-context';
import { teacherPairs } from './teacher';
import { UserError } from './user-error';

/**
 * Noises that the teacher's own error is measured on, at most. A few samples that fork decide it: of the demo's test noises
 * the first 64 say a tenth of what 256 say.
 */
export const floorSamples = 256;

/**
 * How far the teacher is from itself at twice the steps: its own error, below which a student's cannot be told from it.
 * Measured on the test noises, as the students it is compared with.
 * Its samples are cached like the teacher's.
 *
 * @returns not-finite, with a warning in the log, where twice the steps give NaN
 */
export async function teacherFloor(
  { config, folder, meter, model, teacher, teacherOptions }: RunContext,
  test: PairSet,
): Promise<TeacherFloor | 'not-finite'> {
  const steps = 2 * config.teacher.num_inference_steps;
  const label = `${teacher.solver} on ${teacher.spacing} times`;
  meter.say(`Teacher against itself at ${steps} steps`);
  const table = classicTable(model.schedule, config.teacher, steps);
  const coarse = slicePairs(test, 0, floorSamples);
  try {
    const fine = await teacherPairs({ ...teacherOptions, table, label }, 'test', coarse.count);
    const errors = squaredErrors(fine.targets, coarse.targets, coarse.dim);
    return { mse: mean(errors), ci95: bootstrapCi95(errors, config.training.seed), samples: coarse.count };
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'teacher-not-finite') throw error;
    const message = `The teacher gives NaN at ${steps} steps, so its own error is not known.`;
    folder.emit({ kind: 'warning', code: 'teacher-unstable', message });
    return 'not-finite';
  }
}

/** How much above the teacher's own error a student's has to be to say something about the student. */
const clearOfFloor = 2;

/** The sentence about students that have come too close to their teacher's own error; undefined when none has. */
export function floorAdvice(
  floor: TeacherFloor,
  steps: number,
  learned: readonly { readonly nfe: number; readonly mse: number }[],
): string | undefined {
  const near = learned.filter(({ mse }) => mse < clearOfFloor * floor.mse).map(({ nfe }) => nfe);
  if (near.length === 0) return undefined;
  const which = new Intl.ListFormat('en').format(near.map(String));
  return (
    `At ${which} evaluations the learned error is less than twice the teacher's own (${floor.mse.toPrecision(3)}), so what is` +
    ` left is mostly the teacher's. Set teacher.num_inference_steps to ${2 * steps} to learn more.`
  );
}
