import type { GridPoint } from '../diffusion/grid-point';
import type { ButcherTableau } from './butcher-tableau';
import { combine, stepsOf, TableRecorder, type LinearForm, type RecordedTable, type TableProblem } from './linear-form';

/** A sum of slopes with their coefficients, step length included. */
export type Increment = readonly (readonly [coefficient: number, slope: LinearForm])[];

/**
 * The stages of one step of length h: asks for the slope at each c_i, given h·Σ_j a_ij·k_j, and answers with h·Σ b_i·k_i.
 */
export function rungeKuttaStep(
  { a, b, c }: ButcherTableau,
  h: number,
  slopeAt: (c: number, increment: Increment) => LinearForm,
): Increment {
  const slopes: LinearForm[] = [];
  const weighted = (weights: readonly number[]): Increment => slopes.map((slope, j) => [h * (weights[j] ?? 0), slope]);
  for (const [i, row] of a.entries()) slopes.push(slopeAt(c[i] ?? NaN, weighted(row)));
  return weighted(b);
}

export interface RungeKuttaOptions {
  readonly tableau: ButcherTableau;
  /** The point with this λ, for stages between two points of the grid. */
  readonly between: (lambda: number) => GridPoint;
}

/**
 * An explicit Runge–Kutta method on the probability-flow ODE in VE scaling, dx̂/dσ̂ = E(x̂, σ̂) with x̂ = x/α, σ̂ = σ/α and E the
 * predicted noise, in equal parts of σ̂ within a step (Karras et al. 2022, with any tableau for Heun's):
 *
 *     x̂_i = x̂ + (σ̂' − σ̂)·Σ_j a_ij·E_j  at σ̂ + c_i(σ̂' − σ̂)        x̂' = x̂ + (σ̂' − σ̂)·Σ_i b_i·E_i
 *
 * Order of the tableau; as many evaluations a step as it has stages. A step to σ = 0 is Euler's, with one evaluation, and
 * returns the predicted data: a stage at σ = 0 would ask for noise where none is.
 *
 * @throws RangeError when the grid starts without signal (α = 0), where x̂ is infinite
 */
export function rungeKutta(problem: TableProblem, { tableau, between }: RungeKuttaOptions): RecordedTable {
  const steps = stepsOf(problem.grid);
  if (steps[0]?.from.alpha === 0) {
    throw new RangeError('Runge–Kutta in σ/α needs signal at the start of the grid (α above 0); start a step later.');
  }
  const stages = tableau.b.length;
  const recorder = new TableRecorder(
    problem,
    steps.reduce((nfe, { to }) => nfe + (to.sigma === 0 ? 1 : stages), 0),
  );
  let x = recorder.start;
  for (const { from, to } of steps) {
    if (to.sigma === 0) {
      x = combine([to.alpha, recorder.evaluate(x, from).data]);
      continue;
    }
    const start = x;
    const noise = from.sigma / from.alpha;
    const h = to.sigma / to.alpha - noise;
    const stateAt = (point: GridPoint, increment: Increment): LinearForm =>
      combine([point.alpha / from.alpha, start], ...increment.map(([w, slope]) => [point.alpha * w, slope] as const));
    const increment = rungeKuttaStep(tableau, h, (c, terms) => {
      const point = c === 0 ? from : c === 1 ? to : between(-Math.log(noise + c * h));
      return recorder.evaluate(stateAt(point, terms), point).noise;
    });
    x = stateAt(to, increment);
  }
  return recorder.finish(x);
}
