/**
 * Peak signal-to-noise ratio in dB, 10·log10(peak²/mse) of each sample; infinite for a sample without error.
 *
 * @param errors mean squared error of each sample
 * @param peak the range of the signal: 2 for images in [−1, 1]
 */
export function psnr(errors: ArrayLike<number>, peak: number): Float64Array {
  return Float64Array.from(errors, (mse) => 10 * Math.log10(peak ** 2 / mse));
}

/** Largest minus smallest number: the peak of samples whose range nobody states, such as latents. */
export function rangeOf(values: ArrayLike<number>): number {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    low = Math.min(low, values[i]!);
    high = Math.max(high, values[i]!);
  }
  return high - low;
}
