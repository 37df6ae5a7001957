import { adaptiveFlow, type FlowVelocity } from '../solvers/adaptive';
import type { ExactSolution } from './case';
import { gauss, gmm, networkOutput } from './models';
import { scheduleOf } from './peers/schedules';
import { relativeError, withinTolerances, type CaseResult } from './run-case';

/** Where the adaptive solver is run: well below the tenth digit, which is the last that is stored. */
const tolerance = 1e-12;

export function exactSolutionId({ schedule, model }: ExactSolution): string {
  return `${schedule}-${model}`;
}

/**
 * Solves the probability-flow ODE of a closed-form model with the adaptive solver and compares the states at the stored
 * noise levels.
 *
 * @param xT unit start noise, flat [samples][2]
 */
export async function runExactSolution(solution: ExactSolution, xT: readonly number[]): Promise<CaseResult> {
  const id = exactSolutionId(solution);
  const mixture = { gmm, gauss }[solution.model];
  const velocity: FlowVelocity = async (points) =>
    points.map(({ angle, state }) =>
      networkOutput(mixture, { prediction: 'velocity', space: 'vp' }, state, Math.cos(angle), Math.sin(angle)),
    );
  try {
    const start = xT.map((z) => solution.x_T_scale * z);
    const levels = [startLevel(solution), ...solution.at];
    const { states } = await adaptiveFlow(velocity, levels, start, 2, { rtol: tolerance, atol: tolerance });
    const ours = states.slice(1).flatMap((values) => [...values]);
    const error = relativeError(ours, solution.x, 1);
    return { id, passed: withinTolerances({ samples: error }), errors: { samples: error }, problem: null };
  } catch (error) {
    return { id, passed: false, errors: {}, problem: error instanceof Error ? error.message : String(error) };
  }
}

/** The noise level all samplers of a schedule start from; that of rectified flow holds no signal. */
function startLevel({ schedule }: ExactSolution): { readonly alpha: number; readonly sigma: number } {
  if (schedule === 'rf') return { alpha: 0, sigma: 1 };
  const full = scheduleOf(schedule, 'log-sigma');
  return full.at(full.tMax);
}
