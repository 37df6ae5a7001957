import type { SolverTable } from '../../solvers/table';
import { rowOffset } from '../../solvers/table';
import type { Dual } from '../dual';
import { combineDual, DualRecorder, type DualCall, type DualEvaluation, type DualForm } from '../dual-table';

/** What a method integrates: M is the predicted data or noise. */
export type Integrated = 'data' | 'noise';

/** The exponential integrator's factors of a step from one noise level to another: x′ = q·x + g·M for constant M. */
export interface StepFactors {
  readonly ratio: Dual;
  readonly gain: Dual;
}

type Level = Pick<DualCall, 'alpha' | 'sigma'>;

/**
 * On data q = σ′/σ, g = −α′(e^−h − 1) = α′ − q·α; on noise q = α′/α, g = −σ′(e^h − 1) = σ′ − q·σ (reference document of
 * S4S; DPM-Solver++ and DPM-Solver). Written without h, so that they stay finite where λ is not.
 */
export function stepFactors(from: Level, to: Level, integrated: Integrated): StepFactors {
  const [kept, driven] = integrated === 'data' ? (['sigma', 'alpha'] as const) : (['alpha', 'sigma'] as const);
  const ratio = to[kept].over(from[kept]);
  return { ratio, gain: to[driven].minus(ratio.times(from[driven])) };
}

/** q·x + g·Σ c_j·M_j. */
export function exponentialStep(
  x: DualForm,
  { ratio, gain }: StepFactors,
  terms: readonly (readonly [coefficient: Dual, output: DualForm])[],
): DualForm {
  return combineDual([ratio, x], ...terms.map(([c, output]) => [c.times(gain), output] as const));
}

/** A table's states y_0 … y_N and what the model says at them, as numbers (linear forms without gradients). */
export interface StartForms {
  readonly states: readonly DualForm[];
  readonly outputs: readonly DualForm[];
}

/**
 * @param calls the noise levels the outputs are converted with, one an evaluation, without gradients
 * @param read which of the model's statements M is
 */
export function startForms(
  start: SolverTable,
  calls: readonly DualCall[],
  read: (said: DualEvaluation) => DualForm,
): StartForms {
  const recorder = new DualRecorder(start, 0);
  const states = Array.from({ length: start.nfe + 1 }, (_, k) => {
    const weights = k === 0 ? [] : start.weights.subarray(rowOffset(k - 1), rowOffset(k));
    const values = [start.start[k]!, ...weights];
    return Array.from({ length: start.nfe + 1 }, (_, i) => recorder.constant(values[i] ?? 0));
  });
  return { states, outputs: calls.map((call, k) => read(recorder.evaluate(states[k]!, call))) };
}

/** Coefficients by which a form is a sum of outputs, and what of the form is left over. */
export interface Peeled {
  readonly coefficients: readonly number[];
  readonly left: readonly number[];
}

/**
 * Writes a form as Σ c_i·M_{indices[i]}, newest output first: D_k is in M_k and later outputs only, so each coefficient
 * can be read off.
 *
 * @param indices falling
 */
export function peel(form: DualForm, outputs: readonly DualForm[], indices: readonly number[]): Peeled {
  const left = form.map(({ value }) => value);
  const coefficients = indices.map((k) => {
    const output = outputs[k]!;
    const c = left[k + 1]! / output[k + 1]!.value;
    output.forEach(({ value }, i) => (left[i]! -= c * value));
    return c;
  });
  return { coefficients, left };
}

/** True when nothing but rounding is left of a form with entries as large as those of `reference`. */
export function isRounding(left: readonly number[], reference: DualForm): boolean {
  const scale = Math.max(1, ...reference.map(({ value }) => Math.abs(value)));
  return left.every((value) => Math.abs(value) <= 1e-9 * scale);
}

/** Indices of the `count` newest of the outputs 0 … newest, newest first. */
export function newest(last: number, count: number): number[] {
  return Array.from({ length: Math.min(last + 1, count) }, (_, j) => last - j);
}
