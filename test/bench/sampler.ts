import * as ort from 'onnxruntime-node';
import { noiseSchedule, startNoiseScale } from '../../src/diffusion';
import { startNoises } from '../../src/jobs/noise';
import { OnnxDenoiser } from '../../src/runtime/onnx-denoiser';
import { classicTable } from '../../src/solvers/registry';
import { sample } from '../../src/solvers/sampler';
import { median } from './demo';
import { buildUNet, unet10m } from './unet';

const count = 64;
const nfe = 5;
const size = 64;
const rounds = 3;

const choices = [
  { solver: 'ddim', order: 1, timestep_spacing: 'logsnr' },
  { solver: 'dpmpp', order: 3, timestep_spacing: 'logsnr' },
  { solver: 'unipc', order: 3, timestep_spacing: 'logsnr' },
] as const;

/**
 * What everything outside the network costs next to it, the table included: five evaluations of the 10-million-parameter
 * UNet for 64 samples of 3 × 64 × 64, against the time spent inside ONNX Runtime's `run`.
 */
export async function benchSampler(): Promise<void> {
  const { model, parameters } = buildUNet({ ...unet10m, size });
  const schedule = noiseSchedule({ type: 'linear', beta_start: 1e-4, beta_end: 0.02, num_train_timesteps: 1000 });
  const sampleShape = [3, size, size];
  const denoiser = await OnnxDenoiser.open(
    {
      model,
      ports: { sample: 'sample', timestep: 'timestep', output: 'noise' },
      sharedTimestep: false,
      device: 'cpu',
      schedule,
      predictionType: 'epsilon',
      prediction: 'data',
      space: schedule.space,
      sampleShape,
      labels: [],
      guidanceScale: 1,
      unconditionalLabel: null,
      tensors: [],
      maxBatch: 16,
    },
    false,
  );
  const inside = timeInsideRuns();
  const noises = startNoises(0, 'sample', 0, count, denoiser.dim, startNoiseScale(schedule));
  console.log(
    `${(parameters / 1e6).toFixed(1)} M parameters, ${count} samples of ${sampleShape.join(' × ')}, ${nfe} evaluations`,
  );
  console.log('| solver | all | outside the network | share |');
  console.log('| --- | --- | --- | --- |');
  for (const choice of choices) {
    const table = classicTable(schedule, choice, nfe);
    const [all, outside]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      inside.reset();
      const start = performance.now();
      await sample(denoiser, table, noises, new Int32Array(count));
      const total = performance.now() - start;
      all.push(total);
      outside.push(total - inside.milliseconds());
    }
    const share = median(outside.map((ms, i) => ms / all[i]!));
    console.log(
      `| ${choice.solver} | ${(median(all) / 1000).toFixed(2)} s | ${median(outside).toFixed(0)} ms | ${(100 * share).toFixed(2)} % |`,
    );
  }
  await denoiser.release();
}

/** Adds up the time that sessions spend in `run`. */
function timeInsideRuns(): { milliseconds: () => number; reset: () => void } {
  let sum = 0;
  const { prototype } = ort.InferenceSession as unknown as { prototype: ort.InferenceSession };
  const run = Object.getOwnPropertyDescriptor(prototype, 'run')!.value as ort.InferenceSession['run'];
  prototype.run = async function (this: ort.InferenceSession, ...args: Parameters<typeof run>) {
    const start = performance.now();
    const result = await run.apply(this, args);
    sum += performance.now() - start;
    return result;
  } as typeof run;
  return { milliseconds: () => sum, reset: () => void (sum = 0) };
}
