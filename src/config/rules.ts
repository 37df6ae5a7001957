import { fewestSteps, fixedOrder, maxOrder, stepList } from './defaults';
import type { Draft } from './draft';
import type { Report } from './report';
import { valueAt } from './schema-tree';
import type { SolverName } from './resolved';
import type { Path } from './yaml-tree';

/** A relation between keys. A value that is not usable by itself is missing from the draft, and its rules stay silent. */
type Rule = (draft: Draft, report: Report) => void;

const steps: Rule = ({ student, teacher }, report) => {
  const given = student?.num_inference_steps;
  if (given === undefined) return;
  const path = ['student', 'num_inference_steps'];
  const sorted = stepList(given);
  if (typeof given !== 'number' && given.join() !== sorted.join()) {
    report.add({
      code: 'list-order',
      severity: 'warning',
      path,
      message: 'student.num_inference_steps should be ascending without repeats; it is used sorted.',
      ...report.replace(path, `[${sorted.join(', ')}]`),
    });
  }
  const most = sorted.at(-1) ?? 0;
  const teacherSteps = teacher?.num_inference_steps;
  if (teacherSteps === undefined || teacherSteps > most) return;
  const teacherPath = ['teacher', 'num_inference_steps'];
  report.add({
    code: 'conflict',
    path: report.has(teacherPath) ? teacherPath : path,
    message: `teacher.num_inference_steps (${teacherSteps}) must be greater than the student's ${most}; a student cannot learn from a teacher as coarse as itself.`,
    related: [
      { path: report.has(teacherPath) ? path : teacherPath, message: `The student uses up to ${most} evaluations.` },
    ],
  });
};

function orderFits(
  report: Report,
  path: Path,
  order: number | undefined,
  available: number | undefined,
  stepsPath: Path,
) {
  if (order === undefined || available === undefined || order <= available) return;
  report.add({
    code: 'conflict',
    path,
    message: `${path.join('.')} (${order}) is larger than ${stepsPath.join('.')} (${available}); an order of ${order} needs at least ${order} steps.`,
    related: [{ path: stepsPath, message: `Only ${available} ${available === 1 ? 'step' : 'steps'} here.` }],
    ...report.replace(path, String(available)),
  });
}

function orderOfSolver(report: Report, block: Path, solver: SolverName | undefined, order: number | undefined) {
  if (solver === undefined || order === undefined) return;
  const fixed = fixedOrder(solver);
  const path = [...block, 'order'];
  if (fixed !== undefined ? order === fixed : order <= maxOrder(solver)) return;
  const message =
    fixed !== undefined
      ? `${solver} is always of order ${fixed}; remove ${path.join('.')}.`
      : `${solver} has no order ${order}; it goes up to ${maxOrder(solver)}.`;
  report.add({
    code: 'conflict',
    path,
    at: 'pair',
    message,
    related: [{ path: [...block, 'solver'], message: `The solver is ${solver}.` }],
    ...report.replace(path, String(maxOrder(solver))),
  });
}

const orders: Rule = (draft, report) => {
  const { teacher, student } = draft;
  const fewest = fewestSteps(draft);
  const studentSteps = ['student', 'num_inference_steps'];
  orderOfSolver(report, ['teacher'], teacher?.solver, teacher?.order);
  orderFits(report, ['teacher', 'order'], teacher?.order, teacher?.num_inference_steps, [
    'teacher',
    'num_inference_steps',
  ]);
  orderFits(report, ['student', 'order'], student?.order, fewest, studentSteps);
  if (typeof student?.init !== 'object') return;
  orderOfSolver(report, ['student', 'init'], student.init.solver, student.init.order);
  orderFits(report, ['student', 'init', 'order'], student.init.order, fewest, studentSteps);
};

const family: Rule = ({ student }, report) => {
  if (student?.corrector_order === undefined || student.family !== 'lms') return;
  report.add({
    code: 'unused-key',
    severity: 'warning',
    path: ['student', 'corrector_order'],
    at: 'pair',
    message: 'student.corrector_order has no effect: the lms family has no corrector.',
  });
};

const guidance: Rule = ({ model }, report) => {
  const conditioning = model?.conditioning;
  if (conditioning === undefined) return;
  const { class_labels, guidance_scale, unconditional_label } = conditioning;
  const block = ['model', 'conditioning'];
  const scalePath = [...block, 'guidance_scale'];
  const labelPath = [...block, 'unconditional_label'];
  const noLabels = class_labels?.length === 0;
  if (guidance_scale !== undefined && guidance_scale !== 1) {
    if (noLabels) {
      const message = `model.conditioning.guidance_scale (${guidance_scale}) needs class_labels; add them or set the scale to 1.`;
      report.add({ code: 'conflict', path: scalePath, at: 'pair', message, ...report.replace(scalePath, '1') });
    }
    if (unconditional_label === null) {
      report.add({
        code: 'conflict',
        path: scalePath,
        at: 'pair',
        message: `model.conditioning.guidance_scale (${guidance_scale}) needs unconditional_label, the label that means "no class"; add it or set the scale to 1.`,
        ...report.replace(scalePath, '1'),
      });
    }
  } else if (noLabels && unconditional_label != null) {
    const message = 'model.conditioning.unconditional_label has no effect without class_labels.';
    report.add({ code: 'unused-key', severity: 'warning', path: labelPath, at: 'pair', message });
  }
};

const schedule: Rule = ({ model }, report) => {
  const noise = model?.noise_schedule;
  const block: Path = ['model', 'noise_schedule'];
  const ascending = (low: string, high: string, a: number | undefined, b: number | undefined) => {
    if (a === undefined || b === undefined || a < b) return;
    const path = report.has([...block, low]) ? [...block, low] : [...block, high];
    report.add({
      code: 'conflict',
      path,
      message: `model.noise_schedule.${low} (${a}) must be smaller than ${high} (${b}).`,
      related: [{ path: [...block, path.at(-1) === low ? high : low], message: 'The other end of the schedule.' }],
    });
  };
  if (noise?.type === 'linear' || noise?.type === 'scaled_linear')
    ascending('beta_start', 'beta_end', noise.beta_start, noise.beta_end);
  if (noise?.type === 'edm') ascending('sigma_min', 'sigma_max', noise.sigma_min, noise.sigma_max);
};

const predictions: Rule = ({ model }, report) => {
  const type = model?.noise_schedule?.type;
  const prediction = model?.prediction_type;
  if (type === undefined) return;
  const needed = prediction === 'edm' ? 'edm' : prediction === 'flow_prediction' ? 'flow' : type;
  if (needed === type) return;
  report.add({
    code: 'conflict',
    path: ['model', 'prediction_type'],
    message: `prediction_type ${prediction} belongs to noise_schedule type ${needed}, not ${type}; change one of them.`,
    related: [{ path: ['model', 'noise_schedule', 'type'], message: `The schedule is ${type}.` }],
  });
};

const rules: readonly Rule[] = [steps, orders, family, guidance, schedule, predictions];

/** `data` is the file as it stands, for names that the schema refuses. */
export function reportConflicts(report: Report, draft: Draft, data: unknown): void {
  for (const rule of rules) rule(draft, report);
  if (valueAt(data, ['student', 'family']) === 'pc' && valueAt(data, ['student', 'corrector_order']) === undefined) {
    const path = ['student', 'family'];
    report.add({ code: 'conflict', path, at: 'pair', message: 'The family pc needs student.corrector_order.' });
  }
}
