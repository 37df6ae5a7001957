/** A complete, valid solver.yaml for tests, in both block and flow style. */
export const validYaml = `version: 1
model:
  path: ./unet.onnx
  prediction_type: epsilon
  noise_schedule: { type: scaled_linear, beta_start: 0.00085, beta_end: 0.012, num_train_timesteps: 1000 }
  sample_shape: [4, 64, 64]
  conditioning:
    class_labels: [0, 1, 2]
    guidance_scale: 2.0
    unconditional_label: 10
teacher: { solver: unipc, order: 3, num_inference_steps: 20, timestep_spacing: logsnr }
student:
  method: s4s-alt
  family: lms
  order: 3
  num_inference_steps: [4, 5]
  init: { solver: dpmpp, order: 3, timestep_spacing: logsnr }
objective: { distance: l2, relax_radius: auto }
training: { samples: 64, validation_samples: 64, batch_size: auto, optimizer: adam, seed: 0, budget: { minutes: 10 } }
device: auto
preview: { samples: 16, every_seconds: 2 }
output: ./runs
`;

/** The text with one passage exchanged; throws when the passage is not there, so that no test can miss its aim. */
export function edited(passage: string, replacement: string, text = validYaml): string {
  if (!text.includes(passage)) throw new Error(`The fixture does not contain ${passage}`);
  return text.replace(passage, () => replacement);
}
