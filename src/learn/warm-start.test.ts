import { beforeAll, describe, expect, it } from 'vitest';
import { vpLinear } from '../diffusion/vp-linear';
import { classicTable } from '../solvers/registry';
import { sample } from '../solvers/sampler';
import { rowOffset } from '../solvers/table';
import type { SolverTable } from '../solvers/table';
import { analyticMixture } from '../solvers/testing/analytic-mixture';
import { combineDual, dualParameterisation, dualPointAt } from './dual-table';
import { freeTable } from './free-table';
import { mean, tableLosses } from './objective';
import { squared } from './objectives/squared';
import { slicePairs } from './pairs';
import type { PairSet } from './pairs';
import type { Parameterisation } from './parameterisation';
import { bns } from './parameterisations/bns';
import { fitRows } from './parameterisations/fit-rows';
import { gs } from './parameterisations/gs';
import { ld3 } from './parameterisations/ld3';
import { s4sLms } from './parameterisations/s4s-lms';
import { s4sPc } from './parameterisations/s4s-pc';
import { teacherPath } from './teacher-path';
import { noiseOf } from './testing/check-parameterisation';
import { mixtureDenoiser, mixturePairs, mixtureSchedule } from './testing/mixture-pairs';
import { warmStart, warmStartNoises } from './warm-start';

describe('on a Gaussian', () => {
  const schedule = vpLinear();
  const centre = [0.5, -0.3];
  const std = [0.4, 0.8];
  const denoiser = analyticMixture(schedule, { means: [centre], std });

  /** Noises with the exact samples of the ODE, and a teacher's path. */
  async function exactPairs(count: number, seed: number): Promise<PairSet> {
    const noises = Float32Array.from(noiseOf(seed, 2 * count), (u) => 2 * u);
    const conditions = new Int32Array(count);
    const [from, to] = [schedule.at(schedule.tMax), schedule.at(schedule.tMin)];
    const targets = noises.map((x, e) => {
      const [mu, s] = [centre[e % 2]!, std[e % 2]!];
      const v = ({ alpha, sigma }: typeof from): number => alpha ** 2 * s ** 2 + sigma ** 2;
      return to.alpha * mu + Math.sqrt(v(to) / v(from)) * (x - from.alpha * mu);
    });
    const teacher = classicTable(schedule, { solver: 'unipc', order: 3, timestep_spacing: 'logsnr' }, 20);
    const path = teacherPath(schedule, teacher, await sample(denoiser, teacher, noises, conditions), count);
    return { count, dim: 2, noises, targets, conditions, path };
  }

  /**
   * Outputs there are affine maps of x_T in each of the two coordinates, four numbers in all. The last of five rows combines
   * x_T and five of them freely, so the exact map is in its span, and least squares finds it whatever the rows before.
   */
  it('finds the exact solution without a single step of learning', async () => {
    const start = classicTable(schedule, { solver: 'dpmpp', order: 2, timestep_spacing: 'logsnr' }, 5);
    const parameterisation = freeTable(schedule, start);
    const [train, test] = [await exactPairs(48, 1), await exactPairs(48, 2)];
    const { theta, error } = await warmStart({
      denoiser,
      schedule,
      parameterisation,
      train,
      theta: parameterisation.initial,
    });
    const size = mean(test.targets.map((x) => x * x));
    const lossOf = async (table: SolverTable): Promise<number> =>
      mean(await tableLosses(denoiser, squared, table, test)) / size;
    expect(await lossOf(start)).toBeGreaterThan(1e-6);
    expect(await lossOf(parameterisation.table(theta))).toBeLessThan(1e-12);
    expect(error / size).toBeLessThan(1e-12);
  });
});

describe('on a mixture', () => {
  const schedule = mixtureSchedule;
  const denoiser = mixtureDenoiser;
  const nfe = 6;
  const start = classicTable(schedule, { solver: 'dpmpp', order: 2, timestep_spacing: 'karras' }, nfe);
  const grid = [...start.times, schedule.tMin];
  let train: PairSet;
  let unseen: PairSet;
  beforeAll(async () => {
    train = await mixturePairs(80, 1);
    unseen = await mixturePairs(64, 2);
  });
  const lossOf = async (table: SolverTable, pairs = unseen): Promise<number> =>
    mean(await tableLosses(denoiser, squared, table, pairs));
  const warmed = (parameterisation: Parameterisation, pairs = train) =>
    warmStart({ denoiser, schedule, parameterisation, train: pairs, theta: parameterisation.initial });

  const learners: Record<string, Parameterisation | undefined> = {
    table: freeTable(schedule, start),
    's4s lms-3': s4sLms(schedule, start, { order: 3 }),
    's4s pc-2': s4sPc(schedule, start, { order: 2 }),
    bns: bns(schedule, start),
    gs: gs(schedule, grid),
  };

  it.each(Object.entries(learners))('%s does far better on unseen noises, for one sampling run', async (_, p) => {
    const { theta, evaluations, error } = await warmed(p!);
    const before = await lossOf(p!.table(p!.initial));
    expect(await lossOf(p!.table(theta))).toBeLessThan(0.5 * before);
    expect(error).toBeLessThan(0.5 * before);
    expect(evaluations).toBe(nfe * warmStartNoises);
    expect([...p!.table(theta).times]).toEqual([...p!.table(p!.initial).times]);
  });

  it('brings every row nearer to the path, and without a path fits the last row alone', async () => {
    const p = freeTable(schedule, start);
    const { path, ...samplesOnly } = train;
    expect(path).toBeDefined();
    const [all, last] = [await warmed(p), await warmed(p, samplesOnly)];
    expect(all.fitted).toHaveLength(p.size - nfe);
    expect(last.fitted).toHaveLength(nfe + 1);
    const [before, after] = [p.table(p.initial), p.table(last.theta)];
    expect([...after.weights.subarray(0, rowOffset(nfe - 1))]).toEqual([
      ...before.weights.subarray(0, rowOffset(nfe - 1)),
    ]);
    expect(await lossOf(after)).toBeLessThan(await lossOf(before));
  });

  it('leaves the table alone where no parameter enters a row linearly', async () => {
    const p = ld3(schedule, grid, { solver: 'dpmpp', order: 2 });
    const { theta, fitted, error } = await warmed(p);
    expect([...theta]).toEqual([...p.initial]);
    expect(fitted).toEqual([]);
    expect(error).toBeCloseTo(await lossOf(p.table(p.initial), slicePairs(train, 0, warmStartNoises)), 6);
  });

  it('leaves products of parameters alone, and fits what is linear beside them', async () => {
    const one = classicTable(schedule, { solver: 'ddim', order: 1, timestep_spacing: 'logsnr' }, 1);
    const product = dualParameterisation(one, {
      initial: Float64Array.of(0, 0.5, 1.5),
      method([a, b, c], recorder) {
        const point = dualPointAt(schedule, recorder.constant(schedule.tMax));
        const { data } = recorder.evaluate(recorder.start, point);
        return combineDual([a!, recorder.start], [b!.times(c!), data]);
      },
    });
    const { theta, fitted } = await warmed(product);
    expect(fitted).toEqual([0]);
    expect([...theta.subarray(1)]).toEqual([0.5, 1.5]);
  });

  it('keeps a table whose outputs overflow, and says so by its error', async () => {
    const p = freeTable(schedule, start);
    const overflows = { ...denoiser, evaluate: async () => new Float32Array(16 * 8).fill(Number.NaN) };
    const problem = { denoiser: overflows, schedule, parameterisation: p, train: slicePairs(train, 0, 8) };
    const { theta, error } = await warmStart({ ...problem, theta: p.initial });
    expect([...theta]).toEqual([...p.initial]);
    expect(error).toBeNaN();
  });

  it('follows noise in the targets less than plain least squares', async () => {
    const p = freeTable(schedule, start);
    const few = slicePairs(train, 0, 8);
    const { noises: starts, conditions, dim } = few;
    const { states } = await sample(denoiser, start, starts, conditions);
    const samplesOf = async (theta: Float64Array): Promise<Float32Array> =>
      (await sample(denoiser, p.table(theta), unseen.noises, unseen.conditions)).states[nfe]!;
    const kept = await samplesOf(p.initial);
    const changeOf = async (theta: Float64Array): Promise<number> =>
      mean((await samplesOf(theta)).map((x, e) => (x - kept[e]!) ** 2));
    const changes = { plain: 0, warm: 0 };
    for (const seed of [11, 12, 13]) {
      const jitter = noiseOf(seed, few.count * dim);
      const targets = states[nfe]!.map((x, e) => x + 0.3 * jitter[e]!);
      const rows = [...Array.from({ length: nfe - 1 }, () => undefined), targets];
      changes.plain += await changeOf((await fitRows(denoiser, p, { starts, conditions, targets: rows })).theta);
      const { path: _, ...pairs } = few;
      changes.warm += await changeOf((await warmed(p, { ...pairs, targets })).theta);
    }
    expect(changes.warm).toBeLessThan(0.5 * changes.plain);
  });
});
