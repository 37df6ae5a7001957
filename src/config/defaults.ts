import type { Draft } from './draft';
import type { ObjectiveConfig, SolverName, Spacing, StudentConfig, TrainingConfig } from './resolved';

/** Defaults that depend on other keys; the schema holds all others. */

export function fixedOrder(solver: SolverName): number | undefined {
  return solver === 'ddim' ? 1 : solver === 'heun' ? 2 : undefined;
}

export function defaultOrder(solver: SolverName | undefined, steps: number): number {
  return (solver === undefined ? undefined : fixedOrder(solver)) ?? Math.min(3, steps);
}

type NoiseScheduleDraft = NonNullable<NonNullable<Draft['model']>['noise_schedule']>;

/** Whether sampling starts from pure noise, where log(alpha/sigma) is not finite. */
export function startsWithoutSignal(noise: NoiseScheduleDraft | undefined): boolean {
  return noise !== undefined && 'rescale_betas_zero_snr' in noise && noise.rescale_betas_zero_snr === true;
}

/** Solvers and methods whose first step needs some signal at the start, and spacings that need it. */
export const needSignal: {
  readonly solvers: readonly SolverName[];
  readonly spacings: readonly Spacing[];
  readonly methods: readonly Method[];
} = {
  solvers: ['dpm', 'dpm_singlestep', 'dpmpp_singlestep', 'heun'],
  spacings: ['logsnr', 'karras'],
  methods: ['ld3', 'gs', 'dyweight', 'dode', 'amed'],
};

export function defaultSpacing(noise: NoiseScheduleDraft): Spacing {
  return startsWithoutSignal(noise) ? 'uniform' : 'logsnr';
}

export function maxOrder(solver: SolverName): number {
  const toFour: readonly SolverName[] = ['deis', 'ipndm', 'lms', 'unipc'];
  return fixedOrder(solver) ?? (toFour.includes(solver) ? 4 : 3);
}

type Method = StudentConfig['method'];

/** Solvers with an evaluation at every point of their grid but the last, and all. */
const oneEvaluationAStep: readonly SolverName[] = [
  'ddim',
  'dpmpp',
  'dpmpp_singlestep',
  'dpm',
  'dpm_singlestep',
  'deis',
  'lms',
  'ipndm',
  'unipc',
];
const allSolvers: readonly SolverName[] = [...oneEvaluationAStep, 'heun'];

/**
 * Differences of the network, which every method can be learned by, need the fewest evaluations; but they need residuals,
 * and a network that compares two images gives none.
 */
export function defaultOptimizer(distance: ObjectiveConfig['distance']): TrainingConfig['optimizer'] {
  return distance === 'lpips' ? 'adam' : 'gauss_newton';
}

/** Whether a method fills one of the families of S4S. */
export function usesFamily(method: Method): boolean {
  return method === 's4s' || method === 's4s-alt';
}

/** The highest `order` of a method; undefined when it has none. */
export function maxStudentOrder(method: Method): number | undefined {
  return usesFamily(method) ? 4 : method === 'dyweight' ? 8 : undefined;
}

/** The classic solvers that a method may start from, of some order and with some number of evaluations. */
export function startsOfMethod(method: Method, family: StudentConfig['family'] = 'lms'): readonly SolverName[] {
  switch (method) {
    case 'table':
    case 'dode':
      return allSolvers;
    case 's4s':
    case 's4s-alt':
      return family === 'ss' ? allSolvers : oneEvaluationAStep;
    case 'ld3':
      return ['ddim', 'dpmpp', 'ipndm', 'unipc'];
    case 'amed':
      return ['heun'];
    case 'gs':
    case 'bns':
    case 'dyweight':
    case 'neural_solver':
      return oneEvaluationAStep;
  }
}

/** s4s-alt and ld3 learn coefficients and times, or times and shifts, in turns of one iteration of Gauss–Newton. */
export function defaultIterations(optimizer: TrainingConfig['optimizer'], method: Method): number {
  if (optimizer === 'adam') return 300;
  return method === 's4s-alt' || method === 'ld3' ? 24 : 12;
}

/** The numbers of evaluations, ascending and without repeats. */
export function stepList(steps: number | readonly number[]): number[] {
  return [...new Set(typeof steps === 'number' ? [steps] : steps)].sort((a, b) => a - b);
}

export function fewestSteps(draft: Draft): number | undefined {
  const steps = draft.student?.num_inference_steps;
  return steps === undefined ? undefined : stepList(steps)[0];
}
