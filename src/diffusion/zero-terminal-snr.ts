/**
 * Betas whose last training timestep holds no signal at all: sqrt(ᾱ) is shifted and scaled so that its last value is 0
 * and its first unchanged (Lin et al. 2024, "Common Diffusion Noise Schedules and Sample Steps are Flawed", Algorithm
 * 1). The last β is then exactly 1, α of the last index 0 and λ −∞; every other value stays finite.
 *
 * @param betas at least 2 numbers strictly between 0 and 1
 */
export function zeroTerminalSnr(betas: ArrayLike<number>): Float64Array {
  const n = betas.length;
  let alphaBar = 1;
  const roots = Float64Array.from(betas, (beta) => {
    alphaBar *= 1 - beta;
    return Math.sqrt(alphaBar);
  });
  const [first, last] = [roots[0]!, roots[n - 1]!];
  if (!(n >= 2 && first > last && last > 0)) {
    throw new RangeError('A rescaling to zero terminal SNR needs at least 2 betas, all strictly between 0 and 1.');
  }
  const scaled = roots.map((root) => (root - last) * (first / (first - last)));
  return scaled.map((root, i) => {
    const before = i === 0 ? 1 : scaled[i - 1]!;
    return 1 - (root * root) / (before * before);
  });
}
