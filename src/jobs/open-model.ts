import type { ConditioningConfig, ResolvedConfig } from '../config/resolved';
import { noiseSchedule } from '../diffusion';
import type { GuidanceInterval, NoiseSchedule } from '../diffusion';
import { buildDenoiserVjpGraph, guessPorts } from '../onnx/denoiser-graph';
import { OnnxError } from '../onnx/errors';
import { headerOf } from '../onnx/header';
import { openModelFile } from '../onnx/open-file';
import { openPipelineFolder } from '../onnx/pipeline-folder';
import { chooseDevice } from '../runtime/device';
import type { ChosenDevice } from '../runtime/device';
import { LatentDecoder } from '../runtime/latent-decoder';
import { OnnxDenoiser } from '../runtime/onnx-denoiser';
import { openConditioning } from './conditioning';
import type { Conditioning } from './conditioning';
import { hashModel } from './model-hash';

export interface OpenModel {
  readonly denoiser: OnnxDenoiser;
  readonly schedule: NoiseSchedule;
  readonly device: ChosenDevice;
  readonly conditioning: Conditioning;
  /** Makes pictures of latents; null for models that are no folder with a decoder. */
  readonly decoder: LatentDecoder | null;
  /** SHA-256 of the model file and of the files with its weights. */
  readonly hash: string;
  /** Why there is no gradient (an operator without a rule), or null. */
  readonly gradientProblem: string | null;
  /** The network takes its time as a whole number, so it is asked at the nearest one. */
  readonly integerTimestep: boolean;
  readonly release: () => Promise<void>;
}

/** Largest number of samples in one run of the network: about 64 Ki elements keep caches and memory happy. */
function autoBatch(dim: number): number {
  return Math.min(64, Math.max(1, Math.round(65_536 / dim)));
}

/**
 * Opens the model of a config on the device it asks for.
 *
 * @param onEvaluations called after each run of the network with the number of samples.
 * @param signal stops it while it reads gigabytes of weights
 */
export async function openModel(
  config: ResolvedConfig,
  onEvaluations: (count: number) => void,
  signal?: AbortSignal,
): Promise<OpenModel> {
  const { model } = config;
  const folder = await openPipelineFolder(model.path);
  const parsed = await openModelFile(folder.denoiser);
  const header = headerOf(parsed);
  const conditioning = await openConditioning(config, folder, signal);
  const filled = new Set(conditioning.tensors.map(({ input }) => input));
  const free = { ...header, inputs: header.inputs.filter(({ name }) => !filled.has(name)) };
  const ports = guessPorts(free, {
    ...(model.inputs.sample === undefined ? {} : { sample: model.inputs.sample }),
    ...(model.inputs.timestep === undefined ? {} : { timestep: model.inputs.timestep }),
    ...(model.inputs.class_labels === undefined ? {} : { classLabels: model.inputs.class_labels }),
  });
  const timestep = header.inputs.find((port) => port.name === ports.timestep);
  const schedule = noiseSchedule(model.noise_schedule);
  const dim = model.sample_shape.reduce((product, size) => product * size, 1);

  // Only Adam and the relaxed objective need the gradient; a model without one can still be learned for.
  let gradientProblem: string | null = null;
  try {
    buildDenoiserVjpGraph(parsed, { ports, guidance: false, sampleShape: model.sample_shape });
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    gradientProblem = error.message;
  }
  const hash = await hashModel(folder.denoiser, parsed.weights?.files ?? [], signal);
  const device = await chooseDevice(config.device);
  const denoiser = await OnnxDenoiser.open(
    {
      model: parsed,
      ports,
      sharedTimestep: timestep?.shape !== null && timestep?.shape !== undefined && isShared(timestep.shape),
      device: device.used,
      schedule,
      predictionType: model.prediction_type,
      prediction: 'data',
      space: schedule.space,
      sampleShape: model.sample_shape,
      labels: model.conditioning.class_labels,
      guidanceScale: model.conditioning.guidance_scale,
      ...guidanceInterval(model.conditioning),
      guidanceRescale: model.conditioning.guidance_rescale,
      unconditionalLabel: model.conditioning.unconditional_label,
      tensors: conditioning.tensors,
      maxBatch: config.training.batch_size === 'auto' ? autoBatch(dim) : config.training.batch_size,
      onEvaluations,
    },
    gradientProblem === null,
  );
  const decoder = folder.vaeDecoder === null ? null : await LatentDecoder.open(folder.vaeDecoder, device.used);
  const release = async (): Promise<void> => {
    await denoiser.release();
    await decoder?.release();
  };
  const integerTimestep = timestep !== undefined && /^u?int/.test(timestep.dtype);
  return { denoiser, schedule, device, conditioning, decoder, hash, gradientProblem, integerTimestep, release };
}

function guidanceInterval({ guidance_interval }: ConditioningConfig): { guidanceInterval?: GuidanceInterval } {
  const [low, high] = guidance_interval ?? [];
  return low === undefined || high === undefined ? {} : { guidanceInterval: { low, high } };
}

/** A 0-d or one-element timestep port: the network takes one time for the whole batch. */
function isShared(shape: readonly unknown[]): boolean {
  return shape.length === 0 || (shape.length === 1 && shape[0] === 1);
}
