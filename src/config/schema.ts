import * as z from 'zod';
import { choice, count, filePath, meta } from './schema-key';
import { noiseSchedule } from './schema-noise';
import { objective } from './schema-objective';
import { solverKeys, solverName, spacing, spacingDefault } from './schema-solver';
import { student } from './schema-student';
import { training } from './schema-training';

export const defaultOutput = './runs';

/** Files by the names of the inputs that they fill. */
const tensorFiles = (text: string) =>
  z
    .record(z.string().min(1), filePath())
    .default({})
    .meta(meta({ text, defaultText: 'none' }));

const model = z
  .strictObject({
    path: filePath().meta(
      meta({
        text: 'The ONNX file of the denoising network, or a diffusers-style folder of ONNX files (with `model_index.json`), relative to this file.',
        example: './model.onnx',
      }),
    ),
    prediction_type: choice({
      epsilon: 'The network returns the noise.',
      sample: 'The network returns the clean sample.',
      v_prediction: 'The network returns v = alpha·noise − sigma·sample (arXiv 2202.00512).',
      flow_prediction: 'The network returns noise − sample (rectified flow).',
      edm: 'The network sits inside the EDM preconditioning.',
    }).meta(meta({ text: 'What the raw network returns.', source: 'diffusers `prediction_type`' })),
    noise_schedule: noiseSchedule,
    sample_shape: z
      .array(count(1, 65_536))
      .min(1)
      .max(5)
      .meta(
        meta({
          text: 'Shape of one sample without the batch axis, for example [4, 64, 64].',
          unit: 'elements per axis',
          example: [1, 32, 32],
        }),
      ),
    conditioning: z
      .strictObject({
        class_labels: z
          .array(count(0, 1_000_000))
          .max(10_000)
          .default([])
          .meta(
            meta({
              text: 'Labels that training, validation and evaluation draw from in turn.',
            }),
          ),
        prompts: z
          .array(z.string().max(10_000))
          .max(1000)
          .default([])
          .meta(
            meta({
              text: 'Texts that training, validation and evaluation draw from in turn, encoded once a run by the text encoder of the model folder.',
            }),
          ),
        negative_prompt: z
          .string()
          .max(10_000)
          .default('')
          .meta(
            meta({
              text: 'The other branch of guidance with prompts: what the sample should not be. As in diffusers, the empty text is zeros for SDXL folders with force_zeros_for_empty_prompt.',
              defaultText: 'the empty text',
              source: 'diffusers `negative_prompt`',
            }),
          ),
        tensors: tensorFiles(
          'Values for inputs of the network that nothing else fills: for each input name a .npy or .safetensors file (relative to this file) with one tensor, whose first axis is the conditions that training, validation and evaluation draw from in turn.',
        ),
        unconditional_tensors: tensorFiles(
          'The other branch of guidance with tensors: for the same inputs, files with one row for all conditions, or one for each.',
        ),
        guidance_scale: z
          .number()
          .min(0)
          .max(100)
          .default(1)
          .meta(
            meta({
              text: 'Classifier-free guidance. 1 is none; any other value runs the network twice an evaluation.',
              unit: 'factor',
              source: 'arXiv 2207.12598',
            }),
          ),
        guidance_interval: z
          .array(z.number().min(0).max(1e6))
          .length(2)
          .nullable()
          .default(null)
          .meta(
            meta({
              text: 'Guidance acts only where the noise level lies above the first number and not above the second; elsewhere guidance_scale is 1. The network runs twice an evaluation there too. Of a model with rescale_betas_zero_snr the first evaluation, which has no finite level, always lies outside.',
              unit: 'sigma/alpha',
              defaultText: 'everywhere',
              source: 'arXiv 2404.07724',
            }),
          ),
        guidance_rescale: z
          .number()
          .min(0)
          .max(1)
          .default(0)
          .meta(
            meta({
              text: 'How far the standard deviation of the guided output of each sample is drawn to that of the conditional one, against over-exposure with much guidance. 0 is off; the paper has 0.7.',
              unit: 'share',
              source: 'diffusers `guidance_rescale`, arXiv 2305.08891',
            }),
          ),
        unconditional_label: count(0, 1_000_000)
          .nullable()
          .default(null)
          .meta(meta({ text: 'The label that means "no class"; needed for guidance with class_labels.' })),
      })
      .prefault({})
      .meta(
        meta({
          text: 'What the network is asked to make: class_labels, prompts or tensors; none for an unconditional model.',
        }),
      ),
    inputs: z
      .strictObject({
        sample: z
          .string()
          .min(1)
          .optional()
          .meta(meta({ text: 'Input that takes the noisy sample.', defaultText: 'found by name and shape' })),
        timestep: z
          .string()
          .min(1)
          .optional()
          .meta(meta({ text: 'Input that takes the time.', defaultText: 'found by name and shape' })),
        class_labels: z
          .string()
          .min(1)
          .optional()
          .meta(meta({ text: 'Input that takes the class label.', defaultText: 'found by name and type' })),
      })
      .prefault({})
      .meta(meta({ text: 'Names of the inputs of the ONNX file, where they cannot be found by themselves.' })),
  })
  .meta(meta({ text: 'The diffusion model and what it was trained with.' }));

const teacher = z
  .strictObject({
    ...solverKeys,
    solver: solverName()
      .default('unipc')
      .meta(meta({ text: 'Solver whose many-step sample is learned from.' })),
    num_inference_steps: count(2, 1000)
      .default(20)
      .meta(
        meta({
          text: 'Steps of the teacher; more are slower and, until the error is that of rounding, better.',
          unit: 'steps',
          source: 'diffusers',
        }),
      ),
    timestep_spacing: spacing()
      .optional()
      .meta(meta({ text: 'How the teacher places its steps.', defaultText: spacingDefault })),
  })
  .prefault({})
  .meta(meta({ text: 'The slow classic solver that the student imitates.' }));

const evaluation = z
  .strictObject({
    samples: count(8, 100_000)
      .default(64)
      .meta(meta({ text: 'Noises of the final comparison, never used in training or validation.', unit: 'noises' })),
    classifier: filePath()
      .nullable()
      .default(null)
      .meta(
        meta({
          text: 'ONNX file of a classifier with outputs `logits` and `features`, relative to this file.',
          defaultText: 'none: accuracy and Fréchet distance are left out',
        }),
      ),
    feature_statistics: filePath()
      .nullable()
      .default(null)
      .meta(
        meta({
          text: 'JSON file with the mean and covariance of real data in the features of the classifier, relative to this file.',
          defaultText: 'none: the Fréchet distance is left out',
        }),
      ),
  })
  .prefault({})
  .meta(meta({ text: 'The comparison at the end of a run.' }));

const preview = z
  .strictObject({
    samples: count(1, 256)
      .default(16)
      .meta(meta({ text: 'Samples in a preview grid.', unit: 'samples' })),
    every_seconds: z
      .number()
      .min(0.1)
      .max(86_400)
      .default(2)
      .meta(meta({ text: 'Shortest time between two preview grids.', unit: 'seconds' })),
  })
  .prefault({})
  .meta(meta({ text: 'Pictures drawn while learning, always from the same held-out noises.' }));

/** `solver.yaml`, version 1: names, types, ranges, defaults and the words a person reads about them, in one place. */
export const solverYaml = z
  .strictObject({
    version: z.literal(1).meta(meta({ text: 'Version of this file format.' })),
    model,
    teacher,
    student,
    objective,
    training,
    evaluation,
    device: choice({
      auto: 'The fastest device that works.',
      cpu: 'Runs everywhere; the same seed gives the same result.',
      webgpu: 'Any GPU through WebGPU (Vulkan, Metal, Direct3D 12).',
      cuda: 'NVIDIA GPU; needs the CUDA libraries.',
      dml: 'DirectML on Windows.',
      coreml: 'Core ML on macOS.',
    })
      .default('auto')
      .meta(meta({ text: 'Where the network runs. The device really used is shown in the run.' })),
    preview,
    output: filePath()
      .default(defaultOutput)
      .meta(meta({ text: 'Folder that run folders are made in, relative to this file.' })),
  })
  .meta({ title: 'solver.yaml' });

/** A valid file with the defaults that need no other key. */
export type SolverYaml = z.output<typeof solverYaml>;
