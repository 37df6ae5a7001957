/** The file `report.json` of a run folder. */
export interface RunReport {
  readonly teacher: TeacherReport;
  readonly results: readonly ResultRow[];
  /** How each solver was learned, ascending by evaluations; empty in reports of version 1. */
  readonly solvers: readonly SolverReport[];
}

export interface TeacherReport {
  readonly solver: string;
  readonly num_inference_steps: number;
  /**
   * Mean squared difference per element between the teacher and itself at twice the steps: the floor. Null where twice the
   * steps give NaN.
   */
  readonly self_mse: number | null;
  /** 95 % bootstrap interval of `self_mse` over noises; null in reports of version 1, too. */
  readonly self_mse_ci95: readonly [number, number] | null;
  /** Share of samples in which the classifier names the requested label; null without a classifier. */
  readonly accuracy: number | null;
  /** Fréchet distance to the real data in the classifier's features; null without statistics. */
  readonly fd: number | null;
}

export interface ResultRow {
  readonly nfe: number;
  readonly solver: string;
  readonly spacing: string;
  readonly learned: boolean;
  /** Mean squared error per element against the teacher on unseen noises. */
  readonly mse: number;
  /** 95 % bootstrap interval of `mse` over noises. */
  readonly mse_ci95: readonly [number, number];
  readonly fd: number | null;
  readonly accuracy: number | null;
}

/** How the solver with one number of evaluations was learned. */
export interface SolverReport {
  readonly nfe: number;
  /** False when no learned table beat the best classic solver on the validation noises, which is then kept. */
  readonly learned: boolean;
  /** A classic solver, and its grid or `learned at N` for the times of the solver with N evaluations. */
  readonly started_from: { readonly solver: string; readonly spacing: string };
  /** The seed whose table is kept: the best on the validation noises. */
  readonly seed: number;
  /** Every learning, from other training noises each; validation and test noises are the same for all. */
  readonly seeds: readonly SeedReport[];
  /** Over the seeds. */
  readonly spread: { readonly validation_mse: Spread; readonly test_mse: Spread };
}

export interface SeedReport {
  readonly seed: number;
  /** Mean squared error per element of this seed's table against the teacher, with 95 % bootstrap intervals over noises. */
  readonly validation_mse: number;
  readonly validation_mse_ci95: readonly [number, number];
  readonly test_mse: number;
  readonly test_mse_ci95: readonly [number, number];
  readonly ended: EndReason;
  readonly iterations: number;
  /** Model evaluations (per sample) that learning used. */
  readonly model_evaluations: number;
  /** How far the relaxed objective moved the training noises; null where it did not. */
  readonly noise_shift: NoiseShift | null;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** How far noises were moved from where they were drawn, as shares of the radius they may move within. */
export interface NoiseShift {
  readonly mean: number;
  readonly largest: number;
}

/**
 * What ended a learning: its iterations were made; validation no longer fell clearly; no step lowers the training loss any
 * more; the budget's minutes or its evaluations were used up.
 */
export type EndReason = 'iterations' | 'no-clear-gain' | 'exhausted' | 'minutes' | 'evaluations';
