import { fewestSteps, fixedOrder, maxOrder, needSignal, startsWithoutSignal, stepList } from './defaults';
import type { Draft } from './draft';
import { reportObjectiveConflicts } from './objective-rules';
import type { Report } from './report';
import type { SolverName } from './resolved';
import { orderFits, reportStudentConflicts } from './student-rules';
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
  if (typeof student?.init !== 'object') return;
  orderOfSolver(report, ['student', 'init'], student.init.solver, student.init.order);
  orderFits(report, ['student', 'init', 'order'], student.init.order, fewest, studentSteps);
};

const conditioningPath: Path = ['model', 'conditioning'];

const oneCondition: Rule = ({ model }, report) => {
  const [first, second] = conditionKinds(model?.conditioning);
  if (first === undefined || second === undefined) return;
  report.add({
    code: 'conflict',
    path: [...conditioningPath, second],
    at: 'pair',
    message: `model.conditioning takes class_labels, prompts or tensors, but ${first} and ${second} are given; remove one of them.`,
    related: [{ path: [...conditioningPath, first], message: `These are the conditions of ${first}.` }],
  });
};

type Conditioning = NonNullable<NonNullable<Draft['model']>['conditioning']>;

/** Which kinds of conditions the file gives. */
function conditionKinds(given: Conditioning = {}): ('class_labels' | 'prompts' | 'tensors')[] {
  const { class_labels, prompts, tensors } = given;
  return [
    ...(class_labels?.length ? (['class_labels'] as const) : []),
    ...(prompts?.length ? (['prompts'] as const) : []),
    ...(Object.keys(tensors ?? {}).length ? (['tensors'] as const) : []),
  ];
}

const guidance: Rule = ({ model }, report) => {
  const conditioning = model?.conditioning;
  const { class_labels, prompts, tensors, guidance_scale: scale } = conditioning ?? {};
  // One that cannot be used has been reported, and what it means for the others is not known.
  if (class_labels === undefined || prompts === undefined || tensors === undefined || scale === undefined) return;
  const scalePath = [...conditioningPath, 'guidance_scale'];
  const needs = (what: string) =>
    report.add({
      code: 'conflict',
      path: scalePath,
      at: 'pair',
      message: `model.conditioning.guidance_scale (${scale}) needs ${what} or set the scale to 1.`,
      ...report.replace(scalePath, '1'),
    });
  const kinds = conditionKinds(conditioning);
  // Of two kinds one has to go, and with it what it needs.
  if (scale === 1 || kinds.length > 1) return;
  if (kinds.length === 0) needs('class_labels, prompts or tensors; add them');
  if (kinds.includes('class_labels') && conditioning?.unconditional_label === null)
    needs('unconditional_label, the label that means "no class"; add it');
  const given = conditioning?.unconditional_tensors;
  const lacking = Object.keys(tensors).filter((input) => given !== undefined && !Object.hasOwn(given, input));
  if (lacking.length > 0) needs(`unconditional_tensors for ${lacking.join(' and ')}; add them`);
};

/** Keys of the other branch of guidance that nothing reads. */
const otherBranch: Rule = ({ model }, report) => {
  const conditioning = model?.conditioning;
  const kinds = conditionKinds(conditioning);
  const unguided = conditioning?.guidance_scale === 1;
  // Guidance without conditions is a conflict of its own.
  if (conditioning === undefined || (kinds.length === 0 && !unguided)) return;
  const unused = (path: Path, why: string) =>
    report.add({
      code: 'unused-key',
      severity: 'warning',
      path,
      at: 'pair',
      message: `${path.join('.')} has no effect ${why}.`,
    });
  const { unconditional_label: label, negative_prompt: negative, unconditional_tensors: files = {} } = conditioning;
  const branches = [
    { key: 'unconditional_label', kind: 'class_labels', given: label != null, onlyGuided: false },
    { key: 'negative_prompt', kind: 'prompts', given: negative !== '', onlyGuided: true },
    { key: 'unconditional_tensors', kind: 'tensors', given: Object.keys(files).length > 0, onlyGuided: true },
  ] as const;
  for (const { key, kind, given, onlyGuided } of branches) {
    const path = [...conditioningPath, key];
    if (!given || !report.has(path) || conditioning[kind] === undefined) continue;
    if (!kinds.includes(kind)) unused(path, `without ${kind}`);
    else if (unguided && onlyGuided) unused(path, 'with guidance_scale 1');
  }
  if (!kinds.includes('tensors')) return;
  for (const input of Object.keys(files)) {
    if (Object.hasOwn(conditioning.tensors ?? {}, input)) continue;
    unused([...conditioningPath, 'unconditional_tensors', input], `because tensors has no ${input}`);
  }
};

/** What only guidance reads. */
const guidanceDetails: Rule = ({ model }, report) => {
  const { guidance_scale: scale, guidance_interval: interval, guidance_rescale: rescale } = model?.conditioning ?? {};
  const unused = (key: string) =>
    report.add({
      code: 'unused-key',
      severity: 'warning',
      path: [...conditioningPath, key],
      at: 'pair',
      message: `model.conditioning.${key} has no effect with guidance_scale 1.`,
    });
  if (scale === 1 && rescale !== undefined && rescale !== 0) unused('guidance_rescale');
  const [low, high] = interval ?? [];
  if (low === undefined || high === undefined) return;
  if (low >= high) {
    const path = [...conditioningPath, 'guidance_interval'];
    const message = `model.conditioning.guidance_interval must rise from the lower to the upper noise level; it is [${low}, ${high}].`;
    report.add({ code: 'conflict', path, message, ...(low > high ? report.replace(path, `[${high}, ${low}]`) : {}) });
  } else if (scale === 1) unused('guidance_interval');
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
  if (noise?.type === 'vp') ascending('beta_min', 'beta_max', noise.beta_min, noise.beta_max);
  if (noise?.type === 'vp_cosine') ascending('t_eps', 't_max', noise.t_eps, noise.t_max);
};

/** What pure noise at the start rules out. */
const noSignal: Rule = ({ model, teacher, student }, report) => {
  if (!startsWithoutSignal(model?.noise_schedule)) return;
  const key: Path = ['model', 'noise_schedule', 'rescale_betas_zero_snr'];
  const conflict = (path: Path, message: string, instead?: string) =>
    report.add({
      code: 'conflict',
      path: report.has(path) ? path : key,
      message,
      related: [{ path: key, message: 'With this the last training step is pure noise.' }],
      ...(instead === undefined ? {} : report.replace(path, instead)),
    });
  if (model?.prediction_type === 'epsilon')
    conflict(
      ['model', 'prediction_type'],
      'prediction_type epsilon cannot be used with rescale_betas_zero_snr: in pure noise, the noise says nothing about the sample; such models are of v_prediction or sample.',
    );
  const init = student?.init;
  for (const [block, given] of [
    ['teacher', teacher],
    ['student.init', typeof init === 'object' ? init : undefined],
  ] as const) {
    const path = block.split('.');
    const { solver, timestep_spacing: spacing } = given ?? {};
    if (solver !== undefined && needSignal.solvers.includes(solver))
      conflict(
        [...path, 'solver'],
        `${block}.solver ${solver} needs some signal at the start, and rescale_betas_zero_snr leaves none; use ddim, dpmpp, deis, lms, ipndm or unipc.`,
      );
    if (spacing !== undefined && needSignal.spacings.includes(spacing))
      conflict(
        [...path, 'timestep_spacing'],
        `${block}.timestep_spacing ${spacing} needs some signal at the start, and rescale_betas_zero_snr leaves none; use uniform or quadratic.`,
        'uniform',
      );
  }
};

const predictions: Rule = ({ model }, report) => {
  const type = model?.noise_schedule?.type;
  const prediction = model?.prediction_type;
  if (type === undefined) return;
  if (prediction === 'v_prediction' && (type === 'edm' || type === 'flow')) {
    report.add({
      code: 'conflict',
      path: ['model', 'prediction_type'],
      message: `prediction_type v_prediction belongs to a variance-preserving noise_schedule, not type ${type}; change one of them.`,
      related: [{ path: ['model', 'noise_schedule', 'type'], message: `The schedule is ${type}.` }],
    });
    return;
  }
  const needed = prediction === 'edm' ? 'edm' : prediction === 'flow_prediction' ? 'flow' : type;
  if (needed === type) return;
  report.add({
    code: 'conflict',
    path: ['model', 'prediction_type'],
    message: `prediction_type ${prediction} belongs to noise_schedule type ${needed}, not ${type}; change one of them.`,
    related: [{ path: ['model', 'noise_schedule', 'type'], message: `The schedule is ${type}.` }],
  });
};

const rules: readonly Rule[] = [
  steps,
  orders,
  reportStudentConflicts,
  oneCondition,
  guidance,
  otherBranch,
  guidanceDetails,
  schedule,
  noSignal,
  predictions,
  reportObjectiveConflicts,
];

export function reportConflicts(report: Report, draft: Draft): void {
  for (const rule of rules) rule(draft, report);
}
