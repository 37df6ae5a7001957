import type { GridPoint } from '../diffusion/grid-point';
import type { NoiseLevel, NoiseSchedule } from '../diffusion/noise-schedule';
import type { Prediction } from '../diffusion/prediction';
import { euler, type ButcherTableau } from './butcher-tableau';
import { combine, TableRecorder, type RecordedTable, type TableProblem } from './linear-form';
import { rungeKuttaStep } from './runge-kutta';

/** A point of the sampler's path with the derivatives of α and σ with respect to the time that is integrated over. */
export type PathPoint = GridPoint & NoiseLevel;

/** A problem in a time of its own, which need not be what the network is handed. */
export interface TimeProblem extends Omit<TableProblem, 'grid'> {
  /** N + 1 times from noise to data. */
  readonly times: readonly number[];
  readonly at: (time: number) => PathPoint;
}

/** The problem of a schedule in its own time and space. */
export function timeProblem(
  schedule: NoiseSchedule,
  times: readonly number[],
  prediction: Prediction = 'data',
): TimeProblem {
  return {
    times,
    at: (t) => ({ t, ...schedule.at(t), lambda: schedule.lambda(t) }),
    prediction,
    space: schedule.space,
  };
}

/**
 * An explicit Runge–Kutta method on the probability-flow ODE in the time t of the path x = α(t)·x₀ + σ(t)·ε, X and E the
 * predicted data and noise (Karras et al. 2022, eq. 4 and the "ablation" sampler of their program, with α = s, σ = s·σ̂):
 *
 *     dx/dt = α̇(t)·X(x, t) + σ̇(t)·E(x, t)
 *
 * Order of the tableau; as many evaluations a step as it has stages; the step to σ = 0 is Euler's. Unlike steps in σ̂ this
 * depends on the path: for α = 1, σ = t it is `rungeKutta`; for α = 1 − t, σ = t (flow matching) dx/dt is the velocity, and
 * α = 0 at the start does no harm; on a VP path not even Euler's method is DDIM.
 */
export function odeInTime(problem: TimeProblem, tableau: ButcherTableau): RecordedTable {
  const { times, at } = problem;
  const grid = times.map(at);
  const methods = grid.slice(1).map(({ sigma }) => (sigma === 0 ? euler : tableau));
  const recorder = new TableRecorder(
    { ...problem, grid },
    methods.reduce((sum, { b }) => sum + b.length, 0),
  );
  let x = recorder.start;
  for (const [n, method] of methods.entries()) {
    const start = x;
    const [time, next] = [times[n]!, times[n + 1]!];
    const increment = rungeKuttaStep(method, next - time, (c, terms) => {
      const point = c === 0 ? grid[n]! : at(time + c * (next - time));
      const { data, noise } = recorder.evaluate(combine([1, start], ...terms), point);
      return combine([point.dAlpha, data], [point.dSigma, noise]);
    });
    x = combine([1, start], ...increment);
  }
  return recorder.finish(x);
}
