import { gridPoint, type GridPoint } from '../../diffusion/grid-point';
import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import type { Parameterisation } from '../../learn/parameterisation';
import type { RecordedTable } from '../../solvers/linear-form';
import type { PeerRun } from './peer';

/**
 * A learned method at given parameters.
 *
 * @param schedule says which level the model's times stand for
 * @param startScale y_0 = startScale · unit noise, before an analytic first step
 */
export function learnedRun(
  schedule: NoiseSchedule,
  parameterisation: Parameterisation,
  theta: readonly number[],
  startScale = 1,
): PeerRun {
  if (theta.length !== parameterisation.size) {
    throw new RangeError(`The program has ${theta.length} parameters; the method learns ${parameterisation.size}.`);
  }
  const table = parameterisation.table(Float64Array.from(theta));
  const scale = table.start[0]!;
  return {
    table: {
      ...table,
      start: table.start.map((value) => value / scale),
      calls: Array.from(table.times, (t) => levelAt(schedule, t)),
    },
    startScale: startScale * scale,
  };
}

/** A table that evaluates the model at its sample as well, and does nothing with the answer. */
export function withIdleCall(table: RecordedTable, call: GridPoint): RecordedTable {
  const { nfe, times, start, weights, calls } = table;
  const last = weights.subarray(weights.length - nfe);
  return {
    ...table,
    nfe: nfe + 1,
    times: Float64Array.from([...times, call.t]),
    start: Float64Array.from([...start, start[nfe]!]),
    weights: Float64Array.from([...weights, ...last, 0]),
    calls: [...calls, call],
  };
}

export function levelAt(schedule: NoiseSchedule, t: number): GridPoint {
  const { alpha, sigma } = schedule.at(t);
  return gridPoint(t, alpha, sigma);
}
