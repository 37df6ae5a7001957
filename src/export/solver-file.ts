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
    /** True when the network's time is an integer, so that it was asked at the nearest one. */
    readonly integer_timestep?: boolean;
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
  /** For a run that was stopped while it learned: the loss that it goes by, which is the mse for distance l2. */
  readonly validation_mse: number;
  /** 95 % bootstrap interval over noises; null in the file of a run that was stopped while it learned. */
  readonly validation_mse_ci95?: readonly [number, number] | null;
  /** On noises never seen; null in the file of a run that was stopped before it was measured. */
  readonly test_mse: number | null;
  readonly test_mse_ci95: readonly [number, number] | null;
  readonly model_evaluations: number;
  /** The seed whose table this is: the best on the validation noises. */
  readonly seed?: number;
  /** Every learning of this solver, from other training noises each. Absent in files of older versions of S4S Studio. */
  readonly seeds?: readonly LearnedSeed[];
  /** Over the seeds. */
  readonly spread?: { readonly validation_mse: LearnedSpread; readonly test_mse: LearnedSpread | null };
}

export interface LearnedSpread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** One learning; nulls for what a run that was stopped did not come to. */
export interface LearnedSeed {
  readonly seed: number;
  readonly validation_mse: number;
  readonly validation_mse_ci95: readonly [number, number] | null;
  readonly test_mse: number | null;
  readonly test_mse_ci95: readonly [number, number] | null;
  readonly model_evaluations: number;
  /** Why it ended: iterations, no-clear-gain, exhausted, minutes or evaluations. */
  readonly ended: string | null;
}

export function solverFileText(file: SolverFile): string {
  return `${JSON.stringify(file, null, 2)}\n`;
}
