import { mean } from '../learn/objective';
import { percentiles95, Resamples } from '../metrics/resamples';
import type { Interval } from '../metrics/resamples';
import type { Generalisation } from './checkpoint';

/** Validation above training by more than this factor, beyond chance, means that the noises were learned by heart. */
const tolerated = 1.3;
/** The factor that more noises should bring: what is above 1 falls about as one over their number. */
const wanted = 1.15;

/**
 * 95 % bootstrap interval of the validation loss over the training loss. Both are means over noises drawn by chance, and not
 * the same ones: their resamples are independent.
 */
function lossRatioInterval(training: Float64Array, validation: Float64Array, seed: number): Interval {
  const below = new Resamples(training.length, seed).means(training);
  const above = new Resamples(validation.length, seed + 1).means(validation);
  return percentiles95(above.map((value, r) => value / below[r]!));
}

/**
 * How a table does on the noises it was learned from and on others, from its loss on each of them.
 *
 * @param seed the same seed gives the same intervals
 */
export function generalisation(training: Float64Array, validation: Float64Array, seed: number): Generalisation {
  return {
    trainLoss: mean(training),
    validationLoss: mean(validation),
    validationCi95: new Resamples(validation.length, seed).meanInterval(validation),
    ratioCi95: lossRatioInterval(training, validation, seed),
  };
}

/**
 * The sentence for learning that ended far lower on its own noises than on others; undefined when it did not. It is the last
 * table that tells: the one that is kept was chosen on the others.
 */
export function tooFewNoises(nfe: number, samples: number, last: Generalisation): string | undefined {
  const { trainLoss, validationLoss, validationCi95, ratioCi95 } = last;
  if (!(ratioCi95[0] > tolerated)) return undefined;
  const needed = (samples * (validationLoss / trainLoss - 1)) / (wanted - 1);
  const advised = Math.min(100_000, 2 ** Math.ceil(Math.log2(Math.min(needed, 32 * samples))));
  return (
    `At ${nfe} evaluations learning came to a loss of ${number(trainLoss)} on its ${samples} training noises, but of` +
    ` ${number(validationLoss)} (95 % interval ${number(validationCi95[0])} to ${number(validationCi95[1])}) on the validation` +
    ` noises: it has learned the noises, which are too few. Raise training.samples to ${advised}.`
  );
}

function number(value: number): string {
  return value.toPrecision(3);
}
