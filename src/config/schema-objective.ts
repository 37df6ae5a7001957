import * as z from 'zod';
import { choice, count, filePath, meta } from './schema-key';

/** What learning makes small. */
export const objective = z
  .strictObject({
    distance: choice({
      l2: 'Mean squared difference per element.',
      l1: 'Mean absolute difference per element; a few wrong pixels count less than with l2.',
      pseudo_huber: 'Root of the squared difference, smooth near zero: a few hard samples count less than with l2.',
      features: 'Mean squared difference of what objective.network makes of the samples.',
      lpips: 'What objective.network says of two images: LPIPS, or any distance that a network can measure.',
    })
      .default('l2')
      .meta(
        meta({
          text: 'How far a sample of the student is from that of the teacher. Every choice but lpips can be learned with gauss_newton.',
        }),
      ),
    huber_c: z
      .union([choice({ auto: '0.00054·√dim, as consistency models have it.' }), z.number().gt(0).max(1e6)])
      .default('auto')
      .meta(
        meta({
          text: 'c of the distance pseudo_huber, (√(‖difference‖² + c²) − c)/√dim: samples closer than c count by their square.',
          unit: 'norm of the difference over a whole sample',
          source: 'improved consistency training, arXiv 2310.14189',
        }),
      ),
    network: filePath()
      .nullable()
      .default(null)
      .meta(
        meta({
          text: 'ONNX file for the distances features (one input, the samples) and lpips (two inputs, the samples to compare, and one number for each pair), relative to this file. Grey samples are repeated where it wants three channels, and resized where it wants another size.',
          defaultText: 'none',
        }),
      ),
    network_output: z
      .string()
      .min(1)
      .max(1000)
      .nullable()
      .default(null)
      .meta(
        meta({
          text: 'Which output of objective.network is used.',
          defaultText: '`features` if there is one so called, else the first',
        }),
      ),
    network_range: choice({
      samples: 'That of the samples as they are, -1 to 1 for images; LPIPS networks want it.',
      unit: '0 to 1: samples are halved and shifted by 0.5.',
    })
      .default('samples')
      .meta(meta({ text: 'The range of values that objective.network wants. Nothing is clipped.' })),
    network_size: count(1, 8192)
      .nullable()
      .default(null)
      .meta(
        meta({
          text: 'Images are resized to this height and width for objective.network.',
          unit: 'pixels',
          defaultText: 'the size that the network asks for, else that of the samples',
          source: 'LD3 and GS resize to 224',
        }),
      ),
    space: choice({
      sample: 'Samples as the model makes them: pixels, or latents.',
      decoded: 'Images from the VAE decoder of the model folder; slower, by a run of the decoder for each sample.',
    })
      .default('sample')
      .meta(meta({ text: 'What the distance is measured on.' })),
    sample_weights: filePath()
      .nullable()
      .default(null)
      .meta(
        meta({
          text: 'File (.npy or .safetensors) with one number, not below 0, for each condition or for each training noise, relative to this file: how much it counts. Only their ratios matter. Weights of conditions also choose the best table on the validation noises; the final report weighs all alike.',
          defaultText: 'none: all count alike',
        }),
      ),
    trajectory_weight: z
      .number()
      .min(0)
      .max(1000)
      .default(0)
      .meta(
        meta({
          text: "How much the states on the way count: weight times their mean squared distance from the teacher's trajectory, in the scale of the sample, is added to the distance of training noises. Helps learning from a poor start; the best samples come without it. 0 leaves it out.",
          source: 'NeuralSolver (arXiv 2505.21114)',
        }),
      ),
    relax_radius: z
      .union([choice({ auto: '0.001·dim/NFE², as in LD3.' }), z.number().min(0).max(1000)])
      .default('auto')
      .meta(
        meta({
          text: 'How far the start noise of a training pair may move to meet its target: it stays in the ball ‖x′ − x_T‖₂ ≤ r·sigma_T, over the whole sample (the noise itself has the norm sigma_T·√dim). 0 keeps it fixed.',
          unit: 'sigma_T',
          source: 'S4S section 3.2, LD3 (arXiv 2405.15506)',
        }),
      ),
  })
  .prefault({})
  .meta(meta({ text: 'What learning makes small.' }));
