import * as z from 'zod';
import { pointAt } from '../../diffusion/grid-point';
import { vpLinear } from '../../diffusion/vp-linear';
import { s4sLms } from '../../learn/parameterisations/s4s-lms';
import { ddim } from '../../solvers/ddim';
import { tableProblem } from '../../solvers/linear-form';
import type { PeerRun, Peers, PeerSettings } from './peer';
import { predictionOf } from './schedules';

const numbers = z.array(z.number());

const parameters = z.strictObject({
  steps: z.int().min(1),
  /** Window. */
  K: z.int().min(1).max(4),
  prediction: z.enum(['x0', 'eps']),
  /** b_{n,j}, newest output first. */
  b: z.array(numbers),
  /** ξ_n, in time. */
  xi: numbers,
  t: numbers,
});

/**
 * S4S-LMS from its definition. The parameterisation is made from DDIM, which every window contains; its shifts are in λ, so
 * ξ is brought there. A shifted time may lie outside the schedule it solves on, so the axis is a longer one.
 */
function s4sLmsDefinition({ schedule, space, pred, params }: PeerSettings): PeerRun {
  if (schedule !== 'vp_linear' || space !== 'vp')
    throw new RangeError('S4S-LMS is defined on vp_linear, in its own space.');
  const { steps, K, prediction, b, xi, t } = parameters.parse(params);
  if (t.length !== steps + 1 || xi.length !== steps || b.length !== steps) {
    throw new RangeError(`${steps} steps have ${steps + 1} times, ${steps} shifts and ${steps} rows of coefficients.`);
  }
  const network = t.slice(0, -1).map((time, n) => time + xi[n]!);
  const axis = vpLinear({ tMin: Math.min(...t, ...network), tMax: Math.max(...t, ...network) });
  const start = ddim(tableProblem(axis, t, predictionOf(pred)));
  const integrated = prediction === 'x0' ? 'data' : 'noise';
  const family = s4sLms(axis, start, { order: K, prediction: integrated, times: 'shifts', grid: t });
  if (!family) throw new RangeError('DDIM is not a member of S4S-LMS on this grid.');
  const coefficients = b.flatMap((row, n) => {
    if (row.slice(n + 1).some((each) => each !== 0))
      throw new RangeError(`Row ${n} of b uses outputs there are not yet.`);
    return Array.from({ length: Math.min(n + 1, K) }, (_, j) => row[j] ?? 0);
  });
  const shifts = network.map((time, n) => axis.lambda(time) - axis.lambda(t[n]!));
  const table = family.table(Float64Array.from([...coefficients, ...shifts]));
  // Outputs are converted at the solver's own time; the references' network is that of the time it is handed.
  const calls = Array.from(table.times, (time) => pointAt(axis, time));
  return { table: { ...table, calls }, startScale: 1, grid: { t } };
}

export const s4sPeers: Peers = { 'own formula (README, "S4S-LMS"); no official code': s4sLmsDefinition };
