import type { TableData } from '../solvers/table';

/** Version of solver.json; readers accept this and older ones. */
export const SOLVER_FILE_VERSION = 1;

/** `solver.json`: what a run learned, with all that is needed to use it and to say where it came from. */
export interface SolverFile {
  readonly version: number;
  /** What the model file is called. */
  readonly name: string;
  /** Milliseconds since 1970. Together with `run_id` the only values that differ between equal runs. */
  readonly created_at: number;
  readonly run_id: string;
  readonly model: {
    readonly path: string;
    readonly sha256: string;
    readonly prediction_type: string;
    readonly noise_schedule: unknown;
    readonly sample_shape: readonly number[];
    readonly conditioning: unknown;
  };
  readonly teacher: { readonly solver: string; readonly num_inference_steps: number; readonly table: TableData };
  readonly solvers: readonly LearnedSolver[];
  /** The resolved config without the machine's paths. */
  readonly config: unknown;
  readonly device: string;
  readonly software: Readonly<Record<string, string>>;
  readonly cite: readonly string[];
}

export interface LearnedSolver {
  readonly nfe: number;
  /** False when no learned table beat the classic one on the validation noises: `table` is then the classic. */
  readonly learned: boolean;
  readonly method: string;
  readonly table: TableData;
  readonly started_from: { readonly solver: string; readonly spacing: string };
  readonly validation_mse: number;
  /** On noises never seen; null in the file of a run that was stopped before it was measured. */
  readonly test_mse: number | null;
  readonly test_mse_ci95: readonly [number, number] | null;
  readonly model_evaluations: number;
}

/** Papers behind what the methods do, for people who publish with a learned solver. */
export const papers = {
  s4s: 'Solving for a Diffusion Model Solver, arXiv 2502.17423',
  bns: 'Bespoke Non-Stationary Solvers for Fast Sampling of Diffusion and Flow Models, arXiv 2403.01329',
  ld3: 'Learning to Discretize Denoising Diffusion ODEs, arXiv 2405.15506',
  unipc: 'UniPC: A Unified Predictor-Corrector Framework for Fast Sampling of Diffusion Models, arXiv 2302.04867',
  dpmpp: 'DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models, arXiv 2211.01095',
} as const;

export function solverFileText(file: SolverFile): string {
  return `${JSON.stringify(file, null, 2)}\n`;
}
