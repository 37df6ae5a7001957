import * as z from 'zod';
import { gridPoint } from '../../diffusion/grid-point';
import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import { bns } from '../../learn/parameterisations/bns';
import { rowOffset, type SolverTable } from '../../solvers/table';
import type { PeerRun, Peers, PeerSettings } from './peer';

const numbers = z.array(z.number());

const parameters = z.strictObject({
  steps: z.int().min(1),
  t: numbers,
  a: numbers,
  /** b_{ij}, j ≤ i; what stands beyond is 0. */
  b: z.array(numbers),
});

/** The straight path with both its ends: α = 1 − t, σ = t, which is pure noise at 1 and clean data at 0. */
const straightPath: NoiseSchedule = {
  space: 'flow',
  tMin: 0,
  tMax: 1,
  at: (t) => ({ alpha: 1 - t, sigma: t, dAlpha: -1, dSigma: 1 }),
  lambda: (t) => Math.log((1 - t) / t),
  timeOfLambda: (lambda) => 1 / (1 + Math.exp(lambda)),
  gridTime: (fraction) => 1 - fraction,
};

/** BNS from its definition: the parameterisation of an empty table on the grid, at the stored a and b. */
function bnsDefinition({ schedule, space, pred, params }: PeerSettings): PeerRun {
  if (schedule !== 'rf' || space !== 'rf' || pred !== 'flow') {
    throw new RangeError('BNS is defined on the velocity of a rectified flow.');
  }
  const { steps, t, a, b } = parameters.parse(params);
  if (t.length !== steps + 1 || a.length !== steps || b.length !== steps) {
    throw new RangeError(`${steps} steps have ${steps + 1} times and ${steps} rows of coefficients.`);
  }
  const start: SolverTable = {
    nfe: steps,
    times: Float64Array.from(t.slice(0, -1)),
    start: new Float64Array(steps + 1).fill(1),
    weights: new Float64Array(rowOffset(steps)),
    prediction: 'velocity',
    space: 'flow',
  };
  const family = bns(straightPath, start, { end: t[steps]! });
  if (!family) throw new RangeError('The times of BNS must fall.');
  const rows = a.flatMap((each, i) => [each, ...Array.from({ length: i + 1 }, (_, j) => b[i]![j] ?? 0)]);
  const table = family.table(Float64Array.from([...rows, ...family.initial.subarray(rows.length)]));
  const calls = Array.from(table.times, (time) => gridPoint(time, 1 - time, time));
  return { table: { ...table, calls }, startScale: 1, grid: { t } };
}

export const bnsPeers: Peers = { 'own formula (README, "BNS"); no official code': bnsDefinition };
