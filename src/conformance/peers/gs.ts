import * as z from 'zod';
import { gsTimes } from '../../diffusion/times-from-logits';
import { gs, type GsOptions } from '../../learn/parameterisations/gs';
import { learnedRun } from './learned';
import type { PeerRun, Peers, PeerSettings } from './peer';
import { predictionOf, scheduleOf } from './schedules';

const numbers = z.array(z.number());

/** `c1_diff`, `a1_diff`, …: one list for each output and state of the window, with a number for each step. */
const coefficients = z.record(z.templateLiteral([z.enum(['a', 'c']), z.int().min(1), '_diff']), numbers);

const parameters = z.strictObject({
  steps: z.int().min(1),
  order: z.int().min(1),
  t_eps: z.number().positive().default(1e-3),
  mu_logit: numbers,
  t_couple: numbers,
});

function run({ schedule: name, pred, params }: PeerSettings, guidance: NonNullable<GsOptions['guidance']>): PeerRun {
  const isCoefficient = ([key]: [string, unknown]): boolean => key.endsWith('_diff');
  const entries = Object.entries(params);
  const { steps, order, t_eps, mu_logit, t_couple } = parameters.parse(
    Object.fromEntries(entries.filter((entry) => !isCoefficient(entry))),
  );
  const lists = new Map(Object.entries(coefficients.parse(Object.fromEntries(entries.filter(isCoefficient)))));
  if (steps < order)
    throw new RangeError(`The program needs at least ${order} steps for order ${order}, got ${steps}.`);
  const valueOf = (key: string, n: number): number => {
    const value = lists.get(key)?.[n];
    if (value === undefined) throw new RangeError(`The program needs ${key} for step ${n}.`);
    return value;
  };
  if (lists.size !== 2 * order) throw new RangeError(`Order ${order} has ${2 * order} lists, got ${lists.size}.`);
  const schedule = scheduleOf(name, 'log-alpha');
  const t = gsTimes(mu_logit, t_eps, schedule.tMax);
  const parameterisation = gs(schedule, t, { window: order, guidance, prediction: predictionOf(pred) });
  const own = Array.from({ length: steps }, (_, n) =>
    ['a', 'c'].flatMap((kind) =>
      Array.from({ length: Math.min(n + 1, order) }, (_, i) => valueOf(`${kind}${i + 1}_diff`, n)),
    ),
  );
  const theta = [...mu_logit, ...t_couple, ...own.flat()];
  return { ...learnedRun(schedule, parameterisation, theta), grid: { t } };
}

/** GS at given parameters, and the version of S4S with a corrector in the same program. */
export const gsPeers: Peers = {
  '3145tttt/GAS generalized_solver.py': (settings) => run(settings, 'theory'),
  '3145tttt/GAS generalized_solver.py not_theory_update': (settings) => run(settings, 's4s-pc'),
};
