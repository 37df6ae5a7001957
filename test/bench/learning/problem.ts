import type { NoiseSchedule } from '../../../src/diffusion';
import type { PairSet } from '../../../src/learn/pairs';
import type { FeatureStatistics } from '../../../src/metrics/frechet';
import type { Denoiser } from '../../../src/solvers/denoiser';

export const problemNames = ['mixture', 'demo'] as const;
export type ProblemName = (typeof problemNames)[number];

export const cacheFolder = '.cache/bench';

/** What Fréchet distance and accuracy are taken from. */
export interface Judged {
  /** `count × dim` */
  readonly features: Float32Array;
  readonly dim: number;
  /** 1 for samples of the class that was asked for, 0 for others; null without classes. */
  readonly right: readonly number[] | null;
}

export interface LearningPairs {
  readonly train: PairSet;
  /** The first training noises with the teacher's path. */
  readonly paths: PairSet;
  readonly validation: PairSet;
}

/** A model with a teacher: what solvers are learned for and judged by. */
export interface BenchProblem {
  /** Everything that decides its pairs. */
  readonly identity: string;
  readonly denoiser: Denoiser;
  readonly schedule: NoiseSchedule;
  /** Noises and the teacher's samples to learn from and to choose by; other noises for every seed. */
  learningPairs(seed: number): Promise<LearningPairs>;
  /** What learned and classic solvers alike are judged on; the same for every seed. */
  readonly test: PairSet;
  /** The test noises again by the teacher at twice its steps. */
  finerTeacher(): Promise<Float32Array>;
  readonly teacherSteps: number;
  judge(samples: Float32Array): Promise<Judged>;
  /** Features of the data. */
  readonly real: FeatureStatistics;
  release(): Promise<void>;
}
