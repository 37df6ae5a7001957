import { setImmediate } from 'node:timers/promises';
import { measure, type NamedClassic } from '../../../src/jobs/classics';
import { fitted, fittedDode, pathStarts } from '../../../src/learn/fitted-starts';
import { bestTable, initialState, learn, type LearnProblem } from '../../../src/learn/learn';
import { methodParameterisation } from '../../../src/learn/methods';
import { mean, tableLosses } from '../../../src/learn/objective';
import { squared } from '../../../src/learn/objectives/squared';
import type { Parameterisation } from '../../../src/learn/parameterisation';
import type { SolverTable } from '../../../src/solvers/table';
import { adamBatch, type Cell } from './cells';
import { bestStart, rankedClassics, type Start } from './classics';
import { choiceOf, isAdam, isJoint, learnedOf, lenderOf, startsAreFitted, type LearnedName } from './methods';
import { openProblem } from './open-problem';
import type { BenchProblem, LearningPairs } from './problem';
import { qualityOf } from './quality';
import type { CellOutcome, CellResult, TracePoint } from './results';

/** Gauss–Newton stops by its budget or when it finds nothing better; this is never reached. */
const mostIterations = 1000;

type Learned = Pick<CellOutcome, 'start' | 'evaluations' | 'iterations' | 'trace' | 'parameters'> & {
  readonly table: SolverTable;
};

/** Learns and judges one cell. The same cell gives the same numbers, but for its times. */
export async function runCell(cell: Cell): Promise<Omit<CellResult, 'key'>> {
  const problem = await openProblem(cell.problem);
  try {
    if (cell.method === 'teacher') return { cell, outcome: await teacherOutcome(problem) };
    const pairs = await problem.learningPairs(cell.seed);
    const ranked = await rankedClassics(problem, pairs.validation, cell.nfe, cell.seed);
    const name = learnedOf(cell.method);
    if (name === undefined) {
      const [best] = ranked;
      if (!best) return { cell, impossible: 'no classic solver is finite' };
      const { classic, loss } = best;
      const learned = { start: labelOf(classic), table: classic.table, parameters: 0, evaluations: 0, iterations: 0 };
      return { cell, outcome: await judged(problem, { ...learned, trace: [{ evaluations: 0, loss }] }, [0, 0]) };
    }
    const start = startOf(problem, name, cell.nfe, ranked);
    if (!start) return { cell, impossible: 'no classic solver of so many evaluations to begin at' };
    const clock = performance.now();
    const cpu = process.cpuUsage();
    const learned =
      cell.method === 'dode' ? await closedForm(problem, start, pairs) : await optimised(problem, start, pairs, cell);
    const seconds = (performance.now() - clock) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return { cell, outcome: await judged(problem, learned, [seconds, (user + system) / 1e6]) };
  } finally {
    await problem.release();
  }
}

function startOf(
  problem: BenchProblem,
  name: LearnedName,
  nfe: number,
  ranked: readonly Pick<Start, 'classic'>[],
): Start | undefined {
  const lender = lenderOf(name);
  const lent = lender && bestStart(problem, choiceOf(lender), nfe, ranked);
  const start = bestStart(problem, choiceOf(name), nfe, lent ? [lent] : ranked);
  if (!start || !isJoint(name)) return start;
  const { parameterisation } = start;
  return { ...start, parameterisation: { ...parameterisation, blocks: [parameterisation.blocks.flat()] } };
}

/** The teacher's samples; its error is that of the same teacher at twice the steps from it. */
async function teacherOutcome(problem: BenchProblem): Promise<CellOutcome> {
  const { test, teacherSteps } = problem;
  return {
    start: `teacher, ${teacherSteps} evaluations`,
    parameters: 0,
    evaluations: 0,
    iterations: 0,
    seconds: 0,
    cpu_seconds: 0,
    validation: 0,
    trace: [],
    quality: await qualityOf(problem, test.targets, await problem.finerTeacher()),
  };
}

async function judged(
  problem: BenchProblem,
  { table, ...learned }: Learned,
  [seconds, cpuSeconds]: readonly [number, number],
): Promise<CellOutcome> {
  const { denoiser, test } = problem;
  const { samples } = await measure(denoiser, table, test, new AbortController().signal);
  return {
    ...learned,
    seconds,
    cpu_seconds: cpuSeconds,
    validation: Math.min(...learned.trace.map(({ loss }) => loss).filter(Number.isFinite)),
    quality: await qualityOf(problem, samples, test.targets),
  };
}

function labelOf({ solver, spacing }: NamedClassic): string {
  return `${solver} · ${spacing}`;
}

interface Begun {
  readonly start: string;
  readonly parameterisation: Parameterisation;
  readonly validationLosses: Float64Array;
  readonly evaluations: number;
}

/** Where learning begins: as a run chooses it (src/jobs/choose-start.ts), but without neighbours. */
async function begin(
  { denoiser, schedule }: BenchProblem,
  { classic, parameterisation }: Start,
  { paths, validation }: LearningPairs,
  cell: Cell,
): Promise<Begun> {
  const candidates = [{ start: labelOf(classic), parameterisation, evaluations: 0 }];
  if (startsAreFitted(cell.method)) {
    const onPath = pathStarts(schedule, paths, cell.nfe).flatMap((start, i) => {
      const taken = methodParameterisation(schedule, choiceOf('table'), start);
      return taken ? [{ start: `path · times ${i + 1}`, parameterisation: taken }] : [];
    });
    for (const { start, parameterisation: taken } of [...onPath, ...candidates]) {
      const fit = await fitted({ denoiser, schedule, pairs: paths }, taken);
      candidates.push({ start: `${start}, rows fitted`, ...fit });
    }
  }
  const evaluations = candidates.reduce((sum, candidate) => sum + candidate.evaluations, 0);
  const begun: Begun[] = [];
  for (const { start, parameterisation: p } of candidates) {
    const validationLosses = await tableLosses(denoiser, squared, p.table(p.initial), validation);
    begun.push({ start, parameterisation: p, validationLosses, evaluations });
  }
  return begun.reduce((a, b) => (mean(b.validationLosses) < mean(a.validationLosses) ? b : a));
}

/** Gauss–Newton or Adam. Its own start is what the result is never worse than, not the best of all classic solvers. */
async function optimised(bench: BenchProblem, from: Start, pairs: LearningPairs, cell: Cell): Promise<Learned> {
  const { denoiser, schedule } = bench;
  const { train, validation } = pairs;
  const { start, parameterisation, validationLosses, evaluations: spent } = await begin(bench, from, pairs, cell);
  const table = parameterisation.table(parameterisation.initial);
  const optimizer = isAdam(cell.method) ? 'adam' : 'gauss_newton';
  const problem: LearnProblem = {
    denoiser,
    schedule,
    objective: squared,
    parameterisation,
    train,
    validation,
    start: { table, validationLosses },
    optimizer,
    adam: { learningRate: cell.rate ?? 0, schedule: 'cosine', warmup: 0, ema: 0, batchSize: adamBatch },
    iterations: cell.iterations ?? mostIterations,
    relaxRadius: 0,
    maxEvaluations: cell.budget,
    seed: cell.seed,
  };
  const state = initialState(problem);
  state.evaluations = spent;
  const trace: TracePoint[] = [{ evaluations: spent, loss: mean(validationLosses) }];
  await learn(problem, state, {
    outOfTime: () => false,
    async onStep({ evaluations, validationLoss }) {
      if (validationLoss !== null && Number.isFinite(validationLoss)) trace.push({ evaluations, loss: validationLoss });
      // Adam runs to the end of its schedule, as its authors' programs let it.
      if (optimizer === 'adam') Object.assign(state, { stale: 0, rejected: 0 });
      // The mixture never waits for anything: let the process hear of its parent's end.
      await setImmediate();
    },
  });
  const { evaluations, iteration: iterations } = state;
  return { start, table: bestTable(state), parameters: parameterisation.size, evaluations, iterations, trace };
}

/** D-ODE's closed form, on all training noises at once; the start where that does better. */
async function closedForm(
  { denoiser, schedule }: BenchProblem,
  { parameterisation, grid, classic }: Start,
  { train: pairs, validation }: LearningPairs,
): Promise<Learned> {
  const fit = await fittedDode({ denoiser, schedule, pairs }, { ...classic, grid }, parameterisation);
  const { evaluations } = fit;
  const tables = [parameterisation, fit.parameterisation].map((p) => p.table(p.initial));
  const losses: number[] = [];
  for (const table of tables) losses.push(mean(await tableLosses(denoiser, squared, table, validation)));
  const [before = NaN, after = NaN] = losses;
  return {
    start: labelOf(classic),
    table: after < before ? tables[1]! : tables[0]!,
    parameters: parameterisation.size,
    evaluations,
    iterations: 1,
    trace: [
      { evaluations: 0, loss: before },
      { evaluations, loss: after },
    ],
  };
}
