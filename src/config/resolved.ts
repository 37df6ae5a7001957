/** `solver.yaml` with every default filled in and every path absolute: what a run needs, and all it needs. */
export interface ResolvedConfig {
  readonly version: 1;
  readonly model: ModelConfig;
  readonly teacher: SolverChoice & { readonly num_inference_steps: number };
  readonly student: StudentConfig;
  readonly objective: {
    readonly distance: 'l2';
    /**
     * r: the start noise of a training pair may move within the ball B(x_T, r·σ_T) (L2 norm of the whole sample);
     * 0 keeps it fixed; auto is LD3's 0.001·dim/NFE².
     */
    readonly relax_radius: number | 'auto';
  };
  readonly training: TrainingConfig;
  readonly evaluation: EvaluationConfig;
  readonly device: Device;
  readonly preview: { readonly samples: number; readonly every_seconds: number };
  /** Absolute folder that run folders are made in. */
  readonly output: string;
}

export type Device = 'auto' | 'cpu' | 'webgpu' | 'cuda' | 'dml' | 'coreml';
export type Spacing = 'uniform' | 'quadratic' | 'logsnr' | 'karras';
export type SolverName =
  'ddim' | 'dpmpp' | 'dpmpp_singlestep' | 'dpm' | 'dpm_singlestep' | 'deis' | 'lms' | 'ipndm' | 'unipc' | 'heun';

/** A classic solver; `order` is ignored by ddim (1) and heun (2). */
export interface SolverChoice {
  readonly solver: SolverName;
  readonly order: number;
  readonly timestep_spacing: Spacing;
}

export interface ModelConfig {
  /** Absolute path of the ONNX file, or of a diffusers-style folder of ONNX files. */
  readonly path: string;
  readonly prediction_type: 'epsilon' | 'sample' | 'v_prediction' | 'flow_prediction' | 'edm';
  readonly noise_schedule: NoiseScheduleConfig;
  /** Shape of one sample without the batch axis, for example [1, 32, 32]. */
  readonly sample_shape: readonly number[];
  readonly conditioning: ConditioningConfig;
  /** Names of the network's ports; found from the ONNX header unless given. */
  readonly inputs: { readonly sample?: string; readonly timestep?: string; readonly class_labels?: string };
}

export type NoiseScheduleConfig =
  | {
      readonly type: 'linear' | 'scaled_linear';
      readonly beta_start: number;
      readonly beta_end: number;
      readonly num_train_timesteps: number;
      readonly rescale_betas_zero_snr: boolean;
    }
  | { readonly type: 'cosine'; readonly num_train_timesteps: number; readonly rescale_betas_zero_snr: boolean }
  | { readonly type: 'trained_betas'; readonly betas: readonly number[]; readonly rescale_betas_zero_snr: boolean }
  | {
      readonly type: 'vp';
      readonly beta_min: number;
      readonly beta_max: number;
      readonly t_eps: number;
      readonly time_scale: number;
    }
  | { readonly type: 'vp_cosine'; readonly t_eps: number; readonly t_max: number; readonly time_scale: number }
  | { readonly type: 'edm'; readonly sigma_min: number; readonly sigma_max: number }
  | { readonly type: 'flow'; readonly shift: number; readonly num_train_timesteps: number };

/**
 * Training, validation and evaluation draw from one list of conditions in turn: labels, prompts, or rows of tensors. At
 * most one of the three is not empty; an unconditional model has none.
 */
export interface ConditioningConfig {
  readonly class_labels: readonly number[];
  readonly prompts: readonly string[];
  /** The other branch of guidance with prompts. */
  readonly negative_prompt: string;
  /** Absolute path of a tensor file for each input of the network that it fills; the first axis is the conditions. */
  readonly tensors: Readonly<Record<string, string>>;
  /** The same for the other branch of guidance; one row, or as many as there are conditions. */
  readonly unconditional_tensors: Readonly<Record<string, string>>;
  /** 1 means no guidance (one network run an evaluation). */
  readonly guidance_scale: number;
  /** The two σ/α, the lower exclusive and the upper inclusive, within which guidance acts; null: everywhere. */
  readonly guidance_interval: readonly number[] | null;
  /** φ of rescaled guidance; 0: off. */
  readonly guidance_rescale: number;
  /** The label that means "no class"; needed for guidance with class labels. */
  readonly unconditional_label: number | null;
}

export interface StudentConfig {
  /** s4s: coefficients; s4s-alt: coefficients and evaluation times in turns; table: the free table (ours). */
  readonly method: 's4s' | 's4s-alt' | 'table';
  readonly family: 'lms';
  /** Window K of the lms family. */
  readonly order: number;
  /** One solver is learned per entry; ascending, no duplicates. */
  readonly num_inference_steps: readonly number[];
  /** auto: the best classic table on the validation noises. */
  readonly init: 'auto' | SolverChoice;
}

export interface TrainingConfig {
  readonly samples: number;
  readonly validation_samples: number;
  readonly batch_size: number | 'auto';
  readonly optimizer: 'gauss_newton' | 'adam';
  readonly learning_rate: number;
  /** Largest number of optimiser iterations for one solver. */
  readonly iterations: number;
  readonly seed: number;
  /** Wall-clock limit for learning all solvers of the run, and a limit of model evaluations per solver. */
  readonly budget: { readonly minutes: number; readonly evaluations: number | null };
}

export interface EvaluationConfig {
  /** Noises never used in training or validation. */
  readonly samples: number;
  /** Absolute path of a classifier ONNX (outputs `logits` and `features`), or null. */
  readonly classifier: string | null;
  /** Absolute path of a feature statistics JSON of real data, or null. */
  readonly feature_statistics: string | null;
}
