/** The file `report.json` of a run folder. */
export interface RunReport {
  readonly teacher: TeacherReport;
  readonly results: readonly ResultRow[];
}

export interface TeacherReport {
  readonly solver: string;
  readonly num_inference_steps: number;
  /** Mean squared difference per element between the teacher and itself at twice the steps: the floor. */
  readonly self_mse: number;
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
