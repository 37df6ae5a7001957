import { readFile } from 'node:fs/promises';
import type { ClassQuality, TableQuality } from './sample-quality';
import { UserError } from './user-error';

/** Version of evaluation.json. */
export const EVALUATION_VERSION = 1;

/** What all results of one file share; results of another key cannot be compared with them. */
export interface EvaluationKey {
  /** SHA-256 of the model. */
  readonly model: string;
  /** SHA-256 of prediction type, noise schedule, sample shape, conditions and guidance. */
  readonly settings: string;
  /** Name, evaluations and SHA-256 of the teacher's table. */
  readonly teacher: string;
  readonly seed: number;
  readonly samples: number;
  /** SHA-256 of the classifier and of the feature statistics, or null. */
  readonly classifier: string | null;
  readonly feature_statistics: string | null;
  readonly device: string;
}

/** One table with what was measured. */
export interface EvaluatedTable {
  readonly nfe: number;
  /** Every name the table goes by. */
  readonly names: readonly string[];
  readonly learned: boolean;
  /** SHA-256 of the table's numbers. */
  readonly table: string;
  /** Null when the samples are NaN or infinite. */
  readonly quality: TableQuality | null;
}

/** Mean squared error over that of the best classic table at the same NFE, on the same noises. */
export interface Comparison {
  readonly best_classic: string;
  readonly ratio: number;
  readonly ratio_ci95: readonly [number, number];
}

export interface EvaluationRow extends EvaluatedTable {
  /** Null for the best classic table itself, and where there is none. */
  readonly comparison: Comparison | null;
}

/** evaluation.json. */
export interface Evaluation {
  readonly version: number;
  readonly key: EvaluationKey;
  readonly teacher: {
    readonly solver: string;
    readonly num_inference_steps: number;
    /** Range of its samples: the peak of PSNR. */
    readonly peak: number;
    readonly quality: ClassQuality;
    /** The mean Fréchet distance of as many normal samples of the feature statistics themselves: bias, for want of samples. */
    readonly fd_bias: number | null;
    /** The teacher at twice the steps against itself: what no comparison with it can resolve. */
    readonly floor: TableQuality | null;
  };
  /** By NFE, then by mean squared error. */
  readonly results: readonly EvaluationRow[];
}

/** The text of evaluation.json: a line for each table, since each has hundreds of numbers. */
export function evaluationText({ results, teacher, ...head }: Evaluation): string {
  const start = JSON.stringify(head, null, 2).slice(0, -2);
  const rows = results.map((row) => `    ${JSON.stringify(row)}`).join(',\n');
  return `${start},\n  "teacher": ${JSON.stringify(teacher)},\n  "results": [\n${rows}\n  ]\n}\n`;
}

/**
 * The results that are there already.
 *
 * @returns undefined when there is no file
 * @throws UserError when the file is another's, or of another key
 */
export async function readEvaluation(path: string, key: EvaluationKey): Promise<Evaluation | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
  const found = parse(text);
  if (!found) {
    throw new UserError(
      'solver-settings',
      `${path} is no evaluation.json of this version; move it away, or name another folder with --out.`,
    );
  }
  const others = (Object.keys(key) as (keyof EvaluationKey)[]).filter((name) => found.key[name] !== key[name]);
  if (others.length === 0) return found;
  throw new UserError(
    'solver-settings',
    `${path} holds results of another ${others.map((name) => keyNames[name]).join(', ')}; ` +
      'name another folder with --out, or delete that one.',
  );
}

const keyNames: Readonly<Record<keyof EvaluationKey, string>> = {
  model: 'model',
  settings: 'set of model settings (prediction type, schedule, shape, conditions or guidance)',
  teacher: 'teacher',
  seed: '--seed',
  samples: 'number of --samples',
  classifier: 'classifier',
  feature_statistics: 'file of feature statistics',
  device: 'device',
};

function parse(text: string): Evaluation | undefined {
  try {
    const value = JSON.parse(text) as Partial<Evaluation> | null;
    const isOurs = value?.version === EVALUATION_VERSION && value.key && value.teacher && Array.isArray(value.results);
    return isOurs ? (value as Evaluation) : undefined;
  } catch {
    return undefined;
  }
}
