import { execFile } from 'node:child_process';
import { parseArgs, promisify } from 'node:util';
import { freeTable } from '../../src/learn/free-table';
import { initialState, learn, type LearnProblem } from '../../src/learn/learn';
import { tableLosses } from '../../src/learn/objective';
import { squared } from '../../src/learn/objectives/squared';
import { slicePairs } from '../../src/learn/pairs';
import { classicTable } from '../../src/solvers/registry';
import { median } from './demo';
import { openDemoProblem } from './learning/demo-problem';
import { limitThreads } from './learning/threads';
import { memoryStatus } from './memory';

const runs = 3;
const counts = [3, 10] as const;
const batch = 16;
const adamSteps = 4;
const goal = 1.1;

/**
 * Peak resident memory of a process that opens the demo and learns the free table, one Gauss–Newton iteration on 32 noises
 * and some of Adam's, with few and with many evaluations.
 */
export async function benchLearnMemory(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { measure: { type: 'string' } } });
  if (process.platform !== 'linux') {
    console.log('Only Linux says how much memory a process has needed at most.');
    return;
  }
  if (values.measure !== undefined) return measure(Number(values.measure));
  await cacheTeacher();
  const peaks = new Map<number, number[]>(counts.map((nfe) => [nfe, []]));
  for (let run = 0; run < runs; run++) {
    for (const nfe of counts) {
      const child = [process.argv[1]!, 'learn-memory', '--measure', String(nfe)];
      const { stdout } = await promisify(execFile)(process.execPath, child);
      peaks.get(nfe)!.push(Number(stdout.trim().split('\n').at(-1)));
    }
  }
  console.log('| evaluations | peak MB of three processes |\n| --: | --- |');
  for (const nfe of counts) console.log(`| ${nfe} | ${peaks.get(nfe)!.map(mb).join(', ')} |`);
  const [few, many] = counts.map((nfe) => median(peaks.get(nfe)!));
  const ratio = many! / few!;
  console.log(
    `\nMedians ${mb(few!)} and ${mb(many!)} MB, ratio ${ratio.toFixed(3)}; at most ${goal}: ${ratio <= goal ? 'holds' : 'FAILS'}`,
  );
}

/** The teacher's samples are in the cache before the first process asks for them. */
async function cacheTeacher(): Promise<void> {
  const problem = await openDemoProblem();
  await problem.learningPairs(0);
  await problem.release();
}

/** The child process: prints its peak in bytes. */
async function measure(nfe: number): Promise<void> {
  limitThreads(1);
  const bench = await openDemoProblem();
  const { denoiser, schedule } = bench;
  const { train, validation } = await bench.learningPairs(0);
  const table = classicTable(schedule, { solver: 'dpmpp', order: 2, timestep_spacing: 'logsnr' }, nfe);
  const problem: LearnProblem = {
    denoiser,
    schedule,
    objective: squared,
    parameterisation: freeTable(schedule, table),
    train: slicePairs(train, 0, 32),
    validation: slicePairs(validation, 0, 32),
    start: { table, validationLosses: await tableLosses(denoiser, squared, table, slicePairs(validation, 0, 32)) },
    optimizer: 'gauss_newton',
    adam: { learningRate: 1e-3, schedule: 'constant', warmup: 0, ema: 0, batchSize: batch },
    iterations: 1,
    relaxRadius: 0,
    maxEvaluations: null,
    seed: 0,
  };
  const hooks = { onStep: async () => {}, outOfTime: () => false };
  await learn(problem, initialState(problem), hooks);
  const adam: LearnProblem = { ...problem, optimizer: 'adam', iterations: adamSteps };
  await learn(adam, initialState(adam), hooks);
  await bench.release();
  // Node's own figure (maxRSS) would begin at what its parent had.
  console.log(memoryStatus('VmHWM'));
}

const mb = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
