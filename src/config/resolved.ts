/** `solver.yaml` with every default filled in and every path absolute: what a run needs, and all it needs. */
export interface ResolvedConfig {
  readonly version: 1;
  readonly model: ModelConfig;
  readonly teacher: SolverChoice & { readonly num_inference_steps: number };
  readonly student: StudentConfig;
  readonly objective: ObjectiveConfig;
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
  /** What is learned; table is ours, the others are published. */
  readonly method: 'table' | 's4s' | 's4s-alt' | 'ld3' | 'gs' | 'bns' | 'dyweight' | 'dode' | 'neural_solver' | 'amed';
  /** Of s4s and s4s-alt: linear multistep, predictor–corrector, single steps. */
  readonly family: 'lms' | 'pc' | 'ss';
  /** Window of lms, pc (its predictor) and dyweight; evaluations a step of ss. Other methods have no use for it. */
  readonly order: number;
  /** Constraints of the method table. */
  readonly consistent_rows: boolean;
  readonly monotone_times: boolean;
  /** One solver is learned per entry; ascending, no duplicates. */
  readonly num_inference_steps: readonly number[];
  /** auto: the best start on the validation noises. */
  readonly init: 'auto' | SolverChoice;
}

export interface ObjectiveConfig {
  readonly distance: 'l2' | 'l1' | 'pseudo_huber' | 'features' | 'lpips';
  /** c of pseudo-Huber, in units of the norm of a whole sample's difference; auto: 0.00054·√dim. */
  readonly huber_c: number | 'auto';
  /** Absolute path of the ONNX file that `features` and `lpips` look through, or null. */
  readonly network: string | null;
  /** Its output; null: `features` if there is one so called, else the first. */
  readonly network_output: string | null;
  /** The values it wants: those of the samples, or 0 to 1 for −1 to 1. */
  readonly network_range: 'samples' | 'unit';
  /** Height and width that images are resized to for it; null: what it asks for. */
  readonly network_size: number | null;
  /** decoded: images from the VAE decoder of the model folder. */
  readonly space: 'sample' | 'decoded';
  /** Absolute path of a tensor file with a number for each condition or each training noise, or null. */
  readonly sample_weights: string | null;
  /** Weight of the distances of the rows before the sample from the teacher's trajectory; 0: the sample alone counts. */
  readonly trajectory_weight: number;
  /**
   * r: the start noise of a training pair may move within the ball B(x_T, r·σ_T) (L2 norm of the whole sample);
   * 0 keeps it fixed; auto is LD3's 0.001·dim/NFE².
   */
  readonly relax_radius: number | 'auto';
}

export interface TrainingConfig {
  readonly samples: number;
  readonly validation_samples: number;
  readonly batch_size: number | 'auto';
  readonly optimizer: 'gauss_newton' | 'adam';
  readonly learning_rate: number;
  readonly learning_rate_schedule: 'cosine' | 'constant';
  /** Share of the iterations over which the rate rises from 0. */
  readonly warmup: number;
  /** Decay of the average of what is learned; 0: none. */
  readonly ema: number;
  /** Largest number of optimiser iterations for one solver. */
  readonly iterations: number;
  readonly seed: number;
  /** Every solver is learned this often, from other training noises each time. */
  readonly seeds: number;
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
