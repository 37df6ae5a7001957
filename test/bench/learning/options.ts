import { parseArgs } from 'node:util';
import { defaultMethods, parseMethod, type BenchMethod } from './methods';
import { cacheFolder, problemNames, type ProblemName } from './problem';

export interface LearnBenchOptions {
  readonly problems: readonly ProblemName[];
  readonly methods: readonly BenchMethod[];
  /** Those that say most first. */
  readonly nfe: readonly number[];
  readonly seeds: number;
  /** Model evaluations of every cell with Gauss–Newton; null: by NFE. */
  readonly budget: number | null;
  /** Adam's learning rates; null: tuned. */
  readonly rates: readonly number[] | null;
  readonly adamIterations: number;
  readonly threads: number;
  readonly workers: number;
  /** JSON lines, one a finished cell. */
  readonly out: string;
  /** Only say what the file holds. */
  readonly report: boolean;
  /** Set in the child processes: the cell to do, as JSON. */
  readonly cell: string | undefined;
}

export function parseLearnOptions(args: readonly string[]): LearnBenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      problem: { type: 'string', default: problemNames.join() },
      method: { type: 'string', default: defaultMethods.join() },
      nfe: { type: 'string', default: '5,4,6,8,3,10' },
      seeds: { type: 'string', default: '3' },
      budget: { type: 'string' },
      rate: { type: 'string' },
      'adam-iterations': { type: 'string', default: '2000' },
      threads: { type: 'string', default: '1' },
      workers: { type: 'string', default: '1' },
      out: { type: 'string', default: `${cacheFolder}/learn.jsonl` },
      report: { type: 'boolean', default: false },
      cell: { type: 'string' },
    },
  });
  return {
    problems: values.problem.split(',').map(parseProblem),
    methods: values.method.split(',').map(parseMethod),
    nfe: values.nfe.split(',').map((text) => whole('nfe', text)),
    seeds: whole('seeds', values.seeds),
    budget: values.budget === undefined ? null : whole('budget', values.budget),
    rates: values.rate === undefined ? null : values.rate.split(',').map(rateOf),
    adamIterations: whole('adam-iterations', values['adam-iterations']),
    threads: whole('threads', values.threads),
    workers: whole('workers', values.workers),
    out: values.out,
    report: values.report,
    cell: values.cell,
  };
}

function parseProblem(text: string): ProblemName {
  const found = problemNames.find((name) => name === text);
  if (found) return found;
  throw new Error(`There is no problem "${text}"; there are ${problemNames.join(' and ')}.`);
}

function rateOf(text: string): number {
  const rate = Number(text);
  if (rate > 0 && Number.isFinite(rate)) return rate;
  throw new Error(`--rate must be positive numbers, not "${text}".`);
}

function whole(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`--${option} must be positive whole numbers, not "${text}".`);
}
