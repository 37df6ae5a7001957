import type { ResolvedConfig } from '../config';
import type { PairSet } from '../learn/pairs';
import { readTensorFile } from '../onnx/tensor-file';
import { UserError } from './user-error';

/** How much samples count in the loss. */
export interface SampleWeights {
  /** Weights with mean 1 over what they were given for, or undefined where all samples of a set count alike. */
  of(pairs: PairSet, split: 'train' | 'validation'): Float64Array | undefined;
}

/**
 * `objective.sample_weights`: a number for each condition, or for each training noise. Those of conditions count on
 * validation noises, too: the table that is kept should be good where the user wants it to be. A file that could be either
 * is one of conditions.
 *
 * @param conditions number of conditions, 0 for an unconditional model
 * @throws UserError when the numbers do not fit
 */
export async function readSampleWeights(
  { objective, training }: Pick<ResolvedConfig, 'objective' | 'training'>,
  conditions: number,
): Promise<SampleWeights | null> {
  const path = objective.sample_weights;
  if (path === null) return null;
  const data = Float64Array.from((await readTensorFile(path)).data);
  const refuse = (what: string): never => {
    throw new UserError('sample-weights', `${path} (objective.sample_weights) ${what}`);
  };
  const byCondition = data.length === conditions;
  if (!byCondition && data.length !== training.samples) {
    const forConditions = conditions > 0 ? ` or one for each of the ${conditions} conditions` : '';
    refuse(
      `holds ${data.length} numbers; give one for each of the ${training.samples} training noises${forConditions}.`,
    );
  }
  if (!data.every((weight) => Number.isFinite(weight) && weight >= 0)) {
    refuse('holds a number that is negative, NaN or infinite; weights are 0 or above.');
  }
  const sum = data.reduce((total, weight) => total + weight, 0);
  if (sum === 0) refuse('holds zeros only; some sample has to count.');
  const scaled = data.map((weight) => (weight * data.length) / sum);
  return {
    of(pairs, split) {
      if (byCondition) return Float64Array.from(pairs.conditions, (condition) => scaled[condition]!);
      return split === 'train' ? Float64Array.from({ length: pairs.count }, (_, i) => scaled[i]!) : undefined;
    },
  };
}
