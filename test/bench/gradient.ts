import { demoBatch, median, medianRatio, openDemo, pairedTimes } from './demo';

/** Forward and VJP of the demo denoiser (guidance inside), and their ratio; the floor is 2. */
export async function benchGradient(): Promise<void> {
  const { model } = await openDemo();
  console.log('| batch | forward, ms a sample | VJP (forward included), ms a sample | ratio |');
  console.log('| --- | --- | --- | --- |');
  for (const count of [1, 16, 64]) {
    const batch = demoBatch(model, count);
    const cotangent = batch.states.map(Math.sign);
    const [forward, vjp] = await pairedTimes(
      7,
      () => model.denoiser.evaluate(batch),
      () => model.denoiser.vjp!(batch, cotangent),
    );
    const perSample = (times: readonly number[]): string => (median(times) / count).toFixed(2);
    console.log(
      `| ${count} | ${perSample(forward!)} | ${perSample(vjp!)} | ${medianRatio(vjp!, forward!).toFixed(2)} |`,
    );
  }
  await model.denoiser.release();
}
