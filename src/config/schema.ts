import * as z from 'zod';
import { choice, count, filePath, meta } from './schema-key';
import { noiseSchedule } from './schema-noise';

export const defaultOutput = './runs';

/** Files by the names of the inputs that they fill. */
const tensorFiles = (text: string) =>
  z
    .record(z.string().min(1), filePath())
    .default({})
    .meta(meta({ text, defaultText: 'none' }));

const solverName = () =>
  choice({
    ddim: 'First order; one evaluation a step (arXiv 2010.02502).',
    dpmpp: 'DPM-Solver++ multistep on the data prediction (arXiv 2211.01095).',
    dpmpp_singlestep: 'DPM-Solver++ singlestep: steps of as many evaluations as the order (arXiv 2211.01095).',
    dpm: 'DPM-Solver multistep on the noise prediction (arXiv 2206.00927).',
    dpm_singlestep: 'DPM-Solver singlestep on the noise prediction (arXiv 2206.00927).',
    deis: 'DEIS: polynomials of the noise prediction in time, integrated exactly (arXiv 2204.13902).',
    lms: 'Linear multistep on the noise prediction with the weights of uneven steps (k-diffusion).',
    ipndm: 'Linear multistep on the noise prediction with a lower-order start (arXiv 2204.13902).',
    unipc: 'UniPC predictor with its corrector, no extra evaluations (arXiv 2302.04867).',
    heun: 'Second-order Runge-Kutta, as in EDM (arXiv 2206.00364).',
  });

const spacing = () =>
  choice({
    uniform: 'Equal steps in time.',
    quadratic: 'Equal steps in the square root of time: denser near the clean end.',
    logsnr: 'Equal steps in half the log signal-to-noise ratio (arXiv 2206.00927).',
    karras: 'Equal steps in the seventh root of sigma (arXiv 2206.00364).',
  });

const spacingDefault = 'logsnr; uniform with rescale_betas_zero_snr';

const orderText = 'How many network outputs a step combines. ddim is always 1 and heun always 2.';

const solverKeys = {
  solver: solverName(),
  order: count(1, 4)
    .optional()
    .meta(
      meta({
        text: orderText,
        example: 3,
        unit: 'order',
        defaultText: '3; 1 for ddim, 2 for heun, never more than the steps',
      }),
    ),
  timestep_spacing: spacing(),
};

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

const student = z
  .strictObject({
    method: choice({
      table:
        'Every entry of the solver table is free: start weights, weights and times. Learns with the fewest evaluations.',
      s4s: 'Coefficients of the family only, on fixed times (arXiv 2502.17423).',
      's4s-alt': 'Coefficients and times in turns (arXiv 2502.17423).',
    })
      .default('table')
      .meta(meta({ text: 'What is learned.', source: 'S4S, arXiv 2502.17423; the free table is ours' })),
    family: choice({ lms: 'Linear multistep: one evaluation a step, a window of the last `order` network outputs.' })
      .default('lms')
      .meta(meta({ text: 'Shape of the solver that s4s and s4s-alt fill.', source: 'S4S, arXiv 2502.17423' })),
    order: count(1, 8)
      .optional()
      .meta(
        meta({
          text: 'Window of the lms family: how many network outputs a step combines.',
          example: 3,
          unit: 'outputs',
          defaultText: '3, never more than the fewest steps',
        }),
      ),
    corrector_order: count(1, 8)
      .optional()
      .meta(
        meta({
          text: 'Order of the corrector; only the pc family has one.',
          reserved: true,
          unit: 'order',
          defaultText: 'none',
        }),
      ),
    num_inference_steps: z
      .union([count(1, 64), z.array(count(1, 64)).min(1).max(64)])
      .default(5)
      .meta(
        meta({
          text: 'Network evaluations (NFE) of the learned solver. A list learns one solver for each entry.',
          unit: 'evaluations',
          source: 'diffusers',
        }),
      ),
    init: z
      .union([
        choice({ auto: 'The best classic solver on the validation noises.' }),
        z.strictObject({
          ...solverKeys,
          solver: solverName().meta(meta({ text: 'Classic solver that learning starts from.' })),
          timestep_spacing: spacing()
            .optional()
            .meta(meta({ text: 'Times that learning starts from.', defaultText: spacingDefault })),
        }),
      ])
      .default('auto')
      .meta(meta({ text: 'Where learning starts; the result is never worse than this.' })),
  })
  .prefault({})
  .meta(meta({ text: 'The few-step solver to learn.' }));

const objective = z
  .strictObject({
    distance: choice({ l2: 'Mean squared difference per element.' })
      .default('l2')
      .meta(meta({ text: 'How far a sample of the student is from that of the teacher.' })),
    relax_radius: z
      .union([choice({ auto: 'Chosen from the number of parameters.' }), z.number().min(0).max(1)])
      .default('auto')
      .meta(
        meta({
          text: 'How far the start noise of a training pair may move to meet its target: a ball of radius r·sigma_T·√dim. 0 keeps it fixed.',
          unit: 'share of the noise norm',
          source: 'S4S section 3.2, LD3 (arXiv 2405.15506)',
        }),
      ),
  })
  .prefault({})
  .meta(meta({ text: 'What learning makes small.' }));

const training = z
  .strictObject({
    samples: count(1, 100_000)
      .default(64)
      .meta(meta({ text: 'Start noises learned from.', unit: 'noises' })),
    validation_samples: count(8, 100_000)
      .default(64)
      .meta(meta({ text: 'Noises that choose the best table; never trained on.', unit: 'noises' })),
    batch_size: z
      .union([choice({ auto: 'As many as fit well on the device.' }), count(1, 4096)])
      .default('auto')
      .meta(meta({ text: 'Samples that go through the network at once.', unit: 'samples' })),
    optimizer: choice({
      gauss_newton: 'Damped Gauss-Newton on directional derivatives: few iterations, forward runs only.',
      adam: 'Adam on the gradient graph, as in the S4S paper (arXiv 1412.6980).',
    })
      .optional()
      .meta(
        meta({
          text: 'How the table is improved.',
          defaultText: 'gauss_newton for method table, adam otherwise',
        }),
      ),
    learning_rate: z
      .number()
      .gt(0)
      .max(10)
      .default(0.01)
      .meta(meta({ text: 'Step size of adam; gauss_newton does not use it.' })),
    iterations: count(1, 1_000_000)
      .optional()
      .meta(
        meta({
          text: 'Most iterations for one solver.',
          unit: 'iterations',
          defaultText: '12 for gauss_newton, 300 for adam',
        }),
      ),
    seed: count(0, 4_294_967_295)
      .default(0)
      .meta(meta({ text: 'Seed of every random number; the same seed on cpu gives the same solver.' })),
    budget: z
      .strictObject({
        minutes: z
          .number()
          .gt(0)
          .max(100_000)
          .default(10)
          .meta(meta({ text: 'Time for learning all solvers of the run; the best so far is kept.', unit: 'minutes' })),
        evaluations: count(1, Number.MAX_SAFE_INTEGER)
          .nullable()
          .default(null)
          .meta(
            meta({
              text: 'Most network evaluations for one solver, counted per sample.',
              unit: 'evaluations',
              defaultText: 'no limit',
            }),
          ),
      })
      .prefault({})
      .meta(meta({ text: 'Where learning stops at the latest.' })),
  })
  .prefault({})
  .meta(meta({ text: 'How long and on how much the solver is learned.' }));

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
