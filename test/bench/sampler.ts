import { sample } from '../../src/solvers/sampler';
import { classicTable } from '../../src/solvers/registry';
import { demoBatch, median, openDemo, pairedTimes } from './demo';

/** What the solver's own arithmetic costs next to the network: a five-evaluation sample against its evaluations alone. */
export async function benchSampler(): Promise<void> {
  const { model } = await openDemo();
  const count = 64;
  const nfe = 5;
  const table = classicTable(model.schedule, { solver: 'unipc', order: 3, timestep_spacing: 'logsnr' }, nfe);
  const { states, conditions } = demoBatch(model, count);
  let inside = 0;
  const timed = {
    ...{ dim: model.denoiser.dim, prediction: model.denoiser.prediction, space: model.denoiser.space },
    evaluate: async (...args: Parameters<typeof model.denoiser.evaluate>) => {
      const start = performance.now();
      const output = await model.denoiser.evaluate(...args);
      inside += performance.now() - start;
      return output;
    },
  };
  const shares: number[] = [];
  const [times] = await pairedTimes(7, async () => {
    inside = 0;
    const start = performance.now();
    await sample(timed, table, states, conditions);
    shares.push(1 - inside / (performance.now() - start));
  });
  console.log(`${count} samples, ${nfe} evaluations: ${(median(times!) / count).toFixed(2)} ms a sample,`);
  console.log(`of which the table's arithmetic takes ${(100 * median(shares)).toFixed(2)} %.`);
  await model.denoiser.release();
}
