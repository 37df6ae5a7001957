import type { Draft } from './draft';
import type { SolverName, Spacing, TrainingConfig } from './resolved';

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

/** Solvers whose first step needs some signal at the start, and spacings that need it. */
export const needSignal: { readonly solvers: readonly SolverName[]; readonly spacings: readonly Spacing[] } = {
  solvers: ['dpm', 'dpm_singlestep', 'dpmpp_singlestep', 'heun'],
  spacings: ['logsnr', 'karras'],
};

export function defaultSpacing(noise: NoiseScheduleDraft): Spacing {
  return startsWithoutSignal(noise) ? 'uniform' : 'logsnr';
}

export function maxOrder(solver: SolverName): number {
  const toFour: readonly SolverName[] = ['deis', 'ipndm', 'lms', 'unipc'];
  return fixedOrder(solver) ?? (toFour.includes(solver) ? 4 : 3);
}

export function defaultOptimizer(method: 's4s' | 's4s-alt' | 'table'): TrainingConfig['optimizer'] {
  return method === 'table' ? 'gauss_newton' : 'adam';
}

export function defaultIterations(optimizer: TrainingConfig['optimizer']): number {
  return optimizer === 'gauss_newton' ? 12 : 300;
}

/** The numbers of evaluations, ascending and without repeats. */
export function stepList(steps: number | readonly number[]): number[] {
  return [...new Set(typeof steps === 'number' ? [steps] : steps)].sort((a, b) => a - b);
}

export function fewestSteps(draft: Draft): number | undefined {
  const steps = draft.student?.num_inference_steps;
  return steps === undefined ? undefined : stepList(steps)[0];
}
