import {
  defaultOrder,
  fewestSteps,
  maxStudentOrder,
  needSignal,
  startsOfMethod,
  startsWithoutSignal,
  usesFamily,
} from './defaults';
import type { Draft } from './draft';
import type { Report } from './report';
import type { Path } from './yaml-tree';

/** Relations of what is learned (method, family, order) with the other keys. A missing value keeps its rules silent. */
type StudentRule = (student: NonNullable<Draft['student']>, report: Report, draft: Draft) => void;

const methodPath: Path = ['student', 'method'];
const orderPath: Path = ['student', 'order'];
const stepsPath: Path = ['student', 'num_inference_steps'];

/** An order needs as many steps. */
export function orderFits(
  report: Report,
  path: Path,
  order: number | undefined,
  available: number | undefined,
  availablePath: Path,
): void {
  if (order === undefined || available === undefined || order <= available) return;
  report.add({
    code: 'conflict',
    path,
    message: `${path.join('.')} (${order}) is larger than ${availablePath.join('.')} (${available}); an order of ${order} needs at least ${order} steps.`,
    related: [{ path: availablePath, message: `Only ${available} ${available === 1 ? 'step' : 'steps'} here.` }],
    ...report.replace(path, String(available)),
  });
}

const order: StudentRule = ({ method, order: given }, report, draft) => {
  if (given === undefined || method === undefined) return;
  const most = maxStudentOrder(method);
  const steps = fewestSteps(draft);
  const related = [{ path: methodPath, message: `The method is ${method}.` }];
  if (most === undefined) {
    // A file with every default filled in has them, too.
    if (steps === undefined || given === defaultOrder(undefined, steps)) return;
    report.add({
      code: 'unused-key',
      severity: 'warning',
      path: orderPath,
      at: 'pair',
      message: `student.order has no effect: the method ${method} has no order.`,
      related,
    });
    return;
  }
  if (given > most && (steps === undefined || steps > most)) {
    const message = `${method} has no order ${given}; it goes up to ${most}.`;
    report.add({ code: 'conflict', path: orderPath, message, related, ...report.replace(orderPath, String(most)) });
    return;
  }
  orderFits(report, orderPath, given, steps, stepsPath);
};

const family: StudentRule = ({ method, family: given }, report) => {
  const path = ['student', 'family'];
  if (method === undefined || usesFamily(method) || given === undefined || given === 'lms') return;
  report.add({
    code: 'unused-key',
    severity: 'warning',
    path,
    at: 'pair',
    message: `student.family has no effect: only s4s and s4s-alt have families, and the method is ${method}.`,
    related: [{ path: methodPath, message: `The method is ${method}.` }],
  });
};

const constraints: StudentRule = ({ method, consistent_rows, monotone_times }, report) => {
  if (method === undefined || method === 'table') return;
  for (const [key, value] of Object.entries({ consistent_rows, monotone_times })) {
    if (value !== true) continue;
    report.add({
      code: 'unused-key',
      severity: 'warning',
      path: ['student', key],
      at: 'pair',
      message: `student.${key} has no effect: it constrains the method table, and the method is ${method}.`,
      related: [{ path: methodPath, message: `The method is ${method}.` }],
    });
  }
};

/** Methods that learn between evaluations have nothing to learn with one. */
const evaluations: StudentRule = ({ method }, report, draft) => {
  if (method !== 'ld3' && method !== 'dode' && method !== 'amed') return;
  if (fewestSteps(draft) !== 1) return;
  report.add({
    code: 'conflict',
    path: stepsPath,
    message: `The method ${method} has nothing to learn with 1 evaluation; it needs at least 2.`,
    related: [{ path: methodPath, message: `The method is ${method}.` }],
  });
};

const start: StudentRule = ({ method, family: shape, init }, report) => {
  if (method === undefined || typeof init !== 'object' || init.solver === undefined) return;
  const taken = startsOfMethod(method, shape);
  if (taken.includes(init.solver)) return;
  const name = usesFamily(method) && shape !== undefined ? `${method} with family ${shape}` : method;
  const path = ['student', 'init', 'solver'];
  report.add({
    code: 'conflict',
    path,
    message: `${name} cannot start from ${init.solver}; use ${taken.join(', ')}, or init: auto.`,
    related: [{ path: methodPath, message: `The method is ${method}.` }],
    ...(taken.length === 1 ? report.replace(path, String(taken[0])) : {}),
  });
};

const signal: StudentRule = ({ method, family: shape }, report, { model }) => {
  if (method === undefined || !startsWithoutSignal(model?.noise_schedule)) return;
  const isSingleStep = usesFamily(method) && shape === 'ss';
  if (!isSingleStep && !needSignal.methods.includes(method)) return;
  const path = isSingleStep ? ['student', 'family'] : methodPath;
  report.add({
    code: 'conflict',
    path,
    message: `${path.join('.')} ${isSingleStep ? 'ss' : method} needs some signal at the start, and rescale_betas_zero_snr leaves none; use the methods table, bns or neural_solver, or s4s with family lms or pc.`,
    related: [
      {
        path: ['model', 'noise_schedule', 'rescale_betas_zero_snr'],
        message: 'This leaves no signal at the start.',
      },
    ],
  });
};

const rules: readonly StudentRule[] = [order, family, constraints, evaluations, start, signal];

export function reportStudentConflicts(draft: Draft, report: Report): void {
  if (draft.student === undefined) return;
  for (const rule of rules) rule(draft.student, report, draft);
}
