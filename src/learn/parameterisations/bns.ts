import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import { assertPlainTable, type SolverTable } from '../../solvers/table';
import { combineDual, dualParameterisation, range, type DualCall, type DualForm } from '../dual-table';
import { Dual } from '../dual';
import type { Parameterisation } from '../parameterisation';
import { peel, startForms } from './exponential-step';
import { learnedGrid } from './learned-grid';

export interface BnsOptions {
  /** The time the sample lies at; default the schedule's end. */
  readonly end?: number;
  /** The start ends at σ = 0 instead; N − 2 inner times are then learned, as its last evaluation stays in place. */
  readonly toZero?: boolean;
}

/**
 * BNS, bespoke non-stationary solvers (Shaul et al. 2024, arXiv 2403.01329): the free lower-triangular table on the
 * velocity u = ε − x₀,
 *
 *     x̄_{i+1} = a_i·x̄_0 + Σ_{j≤i} b_{ij}·u_j        x̄ = x/(α + σ),  u_j at time t_j
 *
 * A schedule other than flow is brought to its straight path by the change of scale x̄ (their scale–time change: at the
 * flow time σ/(α+σ)). θ holds the a and b, row by row, then the inner times t_1 … t_{N−1} as log-gaps in λ (t where λ is
 * −∞ at the start), so they stay between t_0 and the end and in order. Factors α + σ move with the times.
 *
 * Parameters: N + N(N+1)/2 + N − 1 = N(N+5)/2 − 1; 24 for N = 5. Every table whose times fall is a member.
 *
 * @returns undefined when two evaluations of the start share a time, as Heun's do
 */
export function bns(
  schedule: NoiseSchedule,
  start: SolverTable,
  options: BnsOptions = {},
): Parameterisation | undefined {
  assertPlainTable(start);
  const { nfe } = start;
  const { end = schedule.tMin, toZero = false } = options;
  const times = [...start.times, ...(toZero ? [] : [end])];
  if (!times.every((t, i) => i === 0 || t < times[i - 1]!)) return undefined;
  // The grid's points are the network's times: shifts are none.
  const places = range(0, nfe).map((step) => ({ step, fraction: 0 }));
  const grid = learnedGrid(schedule, { times, toZero }, places, start.times, 'gaps');
  const fixed = grid.build(
    grid.initial.map((gap) => Dual.constant(gap, 0)),
    0,
  );
  const { states, outputs } = startForms(start, fixed.calls, ({ flow }) => flow);
  const rows = range(0, nfe).flatMap((i) => {
    const { coefficients, left } = peel(
      scaleToFlow(states[i + 1]!, fixed.points[i + 1]!),
      outputs,
      range(0, i + 1).reverse(),
    );
    return [(left[0]! * scaleOf(fixed.points[0]!).value) / start.start[0]!, ...[...coefficients].reverse()];
  });
  const count = rows.length;
  return dualParameterisation(start, {
    initial: Float64Array.from([...rows, ...grid.initial]),
    method(theta, recorder) {
      const { points, calls } = grid.build(theta.slice(count), recorder.size);
      const flowStart = scaleToFlow(recorder.start, points[0]!);
      const u: DualForm[] = [];
      let x = recorder.start;
      let index = 0;
      for (let i = 0; i < nfe; i++) {
        u.push(recorder.evaluate(x, calls[i]!).flow);
        const a = theta[index++]!;
        const sum = combineDual([a, flowStart], ...u.map((each) => [theta[index++]!, each] as const));
        x = combineDual([scaleOf(points[i + 1]!), sum]);
      }
      return x;
    },
    project: (theta) => Float64Array.from([...theta.subarray(0, count), ...grid.project(theta.slice(count))]),
  });
}

/** α + σ. */
function scaleOf({ alpha, sigma }: Pick<DualCall, 'alpha' | 'sigma'>): Dual {
  return alpha.plus(sigma);
}

function scaleToFlow(state: DualForm, point: Pick<DualCall, 'alpha' | 'sigma'>): DualForm {
  return combineDual([scaleOf(point).inverse(), state]);
}
