import type { RunReport } from '../protocol';
import { loadCheckpoint, newCheckpoint, saveCheckpoint } from './checkpoint';
import { Judge } from './evaluate';
import { evaluateRun } from './evaluate-run';
import { planStages } from './learn-plan';
import { learnSolver } from './learn-solver';
import { openObjective } from './objective';
import { emitPreview, fullLabel } from './run-context';
import type { RunContext } from './run-context';
import { runInputs } from './run-inputs';
import { makePairs } from './run-pairs';
import { teacherFloor } from './teacher-floor';
import { UserError } from './user-error';
import { writeReport } from './write-report';
import { writeSolverFile } from './write-solver-file';

/** One run from teacher to report, for every number of evaluations asked for. Resumable at every checkpoint. */
export async function learnTask(context: RunContext): Promise<RunReport> {
  const { config, folder, meter, model, signal } = context;
  warnAboutGradient(context);
  planStages(context);
  const inputs = await runInputs(config, model.hash, signal);
  const checkpoint = loadCheckpoint(folder, inputs) ?? newCheckpoint(inputs);
  const judge = await Judge.open(config, model.device.used);
  const opened = await openObjective(context);
  const { objective, lossName } = opened;
  try {
    const pairs = await makePairs(context, opened);
    const { targets } = pairs.preview;
    await emitPreview(context, { nfe: 0, which: 'teacher', label: fullLabel(context.teacher) }, targets, pairs.preview);
    if (checkpoint.floor === null) {
      checkpoint.floor = await teacherFloor(context, pairs.test);
      if (checkpoint.floor !== 'not-finite') folder.emit({ kind: 'teacher-floor', ...checkpoint.floor });
      await saveCheckpoint(folder, checkpoint);
    }
    // Before the learning: a classifier that does not fit should not cost anyone the minutes of a run.
    const teacherQuality = await judge.judge(pairs.test.targets, pairs.test, signal);
    for (const nfe of config.student.num_inference_steps) {
      await learnSolver({ context, objective, lossName, checkpoint, pairs }, nfe);
    }
    const report = await evaluateRun(context, checkpoint, judge, pairs, teacherQuality);
    await writeSolverFile(context, checkpoint);
    await writeReport(context, checkpoint, report, lossName);
    meter.complete();
    return report;
  } catch (error) {
    // Whatever ended the run, the best tables so far leave it in the form people use.
    if (checkpoint.solvers.some(({ seeds }) => seeds.length > 0)) {
      await writeSolverFile(context, checkpoint).catch(() => undefined);
    }
    throw error;
  } finally {
    await judge.release();
    await opened.release();
  }
}

function warnAboutGradient({ config, folder, model }: RunContext): void {
  const problem = model.gradientProblem;
  if (problem === null) return;
  if (config.training.optimizer === 'adam') {
    const advice =
      config.objective.distance === 'lpips'
        ? 'The distance lpips needs it; choose features or l2, and set training.optimizer to gauss_newton.'
        : 'Set training.optimizer to gauss_newton, which needs no gradient.';
    throw new UserError('no-gradient', `${problem} ${advice}`);
  }
  folder.emit({
    kind: 'warning',
    code: 'no-gradient',
    message: `${problem} Learning goes on with differences of the network; the start noises stay fixed.`,
  });
}
