import { describe, expect, it } from 'vitest';
import { noiseSchedule } from '../../diffusion';
import { classicTable } from '../../solvers/registry';
import { sample } from '../../solvers/sampler';
import { analyticMixture } from '../../solvers/testing/analytic-mixture';
import { freeTable } from '../free-table';
import { adamState, adamStep } from '../adam';
import { gaussNewtonState, gaussNewtonStep } from '../gauss-newton';
import { mean, tableLosses } from '../objective';
import type { Objective, Outcome } from '../objective';
import { pickPairs, slicePairs } from '../pairs';
import type { PairSet } from '../pairs';
import { relaxNoises } from '../relax';
import { l1, l2, pseudoHuber } from './distance';
import type { Distance } from './distance';
import { endpoint } from './endpoint';
import { composed } from './network-map';
import type { NetworkMap } from './network-map';
import { squared } from './squared';
import { weighted } from './weighted';

const schedule = noiseSchedule({ type: 'linear', beta_start: 1e-4, beta_end: 0.02, num_train_timesteps: 1000 });
const ring = Array.from({ length: 8 }, (_, k) => [Math.cos((Math.PI * k) / 4), Math.sin((Math.PI * k) / 4)]);
const denoiser = analyticMixture(schedule, { means: ring, std: 0.15, weights: ring.map(() => 1 / 8) }, 'data');
const nfe = 4;
const start = classicTable(schedule, { solver: 'dpmpp', order: 2, timestep_spacing: 'logsnr' }, nfe);
const parameterisation = freeTable(schedule, start);

async function pairsOf(count: number): Promise<PairSet> {
  const noises = Float32Array.from({ length: 2 * count }, (_, i) => 1.5 * Math.sin(1 + 78.233 * i));
  const conditions = new Int32Array(count);
  const teacher = classicTable(schedule, { solver: 'unipc', order: 3, timestep_spacing: 'logsnr' }, 40);
  const { states } = await sample(denoiser, teacher, noises, conditions);
  return { count, dim: 2, noises, targets: states[40]!, conditions };
}

async function outcomeOf(pairs: PairSet): Promise<Outcome> {
  const { states } = await sample(denoiser, start, pairs.noises, pairs.conditions);
  return { table: start, states };
}

/** Samples that miss their targets by 0.2 to 0.5, so that differences stay away from the kink of |r|. */
async function missedBy(pairs: PairSet): Promise<Outcome> {
  const { table, states } = await outcomeOf(pairs);
  const missed = pairs.targets.map((value, e) => value + (e % 3 === 0 ? -1 : 1) * (0.35 + 0.15 * Math.sin(5 * e)));
  return { table, states: [...states.slice(0, nfe), missed] };
}

/** (a, b) → (a·b, sin a, b²), with its calls counted. */
function features(withGradient = true): NetworkMap & { calls: number } {
  const network: NetworkMap & { calls: number } = {
    calls: 0,
    async map(values, count) {
      network.calls += count;
      const out = new Float32Array(3 * count);
      for (let i = 0; i < count; i++) {
        const [a, b] = [values[2 * i]!, values[2 * i + 1]!];
        out.set([a * b, Math.sin(a), b * b], 3 * i);
      }
      return out;
    },
  };
  if (!withGradient) return network;
  return Object.assign(network, {
    async vjp(values: Float32Array, cotangent: Float32Array, count: number): Promise<Float32Array> {
      const out = new Float32Array(2 * count);
      for (let i = 0; i < count; i++) {
        const [a, b] = [values[2 * i]!, values[2 * i + 1]!];
        const [c0, c1, c2] = cotangent.subarray(3 * i) as unknown as [number, number, number];
        out.set([c0 * b + c1 * Math.cos(a), c0 * a + 2 * c2 * b], 2 * i);
      }
      return out;
    },
  });
}

/** Scales a sample and turns it by a right angle. */
const turn: NetworkMap = {
  map: async (values) => values.map((_, e) => (e % 2 === 0 ? -2 * values[e + 1]! : 2 * values[e - 1]!)),
  vjp: async (_, cotangent) => cotangent.map((__, e) => (e % 2 === 0 ? 2 * cotangent[e + 1]! : -2 * cotangent[e - 1]!)),
};

/** A distance that is a number only, as that of a network with two inputs: 1 − cos of the first elements' difference. */
const cosine: Distance = {
  losses: async (values, targets, count) =>
    Float64Array.from({ length: count }, (_, i) => 1 - Math.cos(values[2 * i]! - targets[2 * i]!)),
  async gradient(values, targets, count) {
    const gradient = new Float32Array(values.length);
    for (let i = 0; i < count; i++) gradient[2 * i] = Math.sin(values[2 * i]! - targets[2 * i]!);
    return { losses: await cosine.losses(values, targets, count), gradient };
  },
};

const objectives: Record<string, Objective> = {
  l2: squared,
  l1: endpoint(l1),
  'pseudo-Huber': endpoint(pseudoHuber('auto')),
  'l2 of features': endpoint(l2, features()),
  'l1 of features': endpoint(l1, features()),
  'features of a map': endpoint(l2, composed(turn, features())),
  'a distance of two images': endpoint(cosine, turn),
};

describe.each(Object.entries(objectives))('%s', (_, objective) => {
  it('has the gradient of its losses', async () => {
    const pairs = await pairsOf(6);
    const outcome = await missedBy(pairs);
    const { losses, rows } = await objective.gradient!(outcome, pairs);
    expect(losses).toEqual(await objective.losses(outcome, pairs));
    expect([...rows.keys()]).toEqual([nfe]);
    const gradient = rows.get(nfe)!;
    const samples = outcome.states[nfe]!;
    const h = 2 ** -10;
    for (let e = 0; e < samples.length; e++) {
      const at = async (step: number): Promise<number> => {
        const moved = samples.with(e, samples[e]! + step);
        const states = [...outcome.states.slice(0, nfe), moved];
        return (await objective.losses({ table: start, states }, pairs))[Math.floor(e / 2)]!;
      };
      const slope = ((await at(h)) - (await at(-h))) / (2 * h);
      // Second order, and float32 in the maps.
      expect(Math.abs(gradient[e]! - slope)).toBeLessThan(3e-3 * (1 + Math.abs(slope)));
    }
  });

  it('moves noises so that their losses fall, inside their balls', async () => {
    const pairs = await pairsOf(8);
    const own = { ...pairs, noises: pairs.noises.slice() };
    const radius = 0.05;
    const relaxed = { centres: pairs.noises, radius, reach: new Float64Array(8).fill(1) };
    const before = await tableLosses(denoiser, objective, start, pairs);
    for (let i = 0; i < 4; i++) await relaxNoises(denoiser, objective, start, own, relaxed, 0);
    const after = await tableLosses(denoiser, objective, start, own);
    expect(after.every((loss, i) => loss <= before[i]!)).toBe(true);
    expect(mean(after)).toBeLessThan(0.97 * mean(before));
    own.noises.forEach((value, e) => expect(Math.abs(value - pairs.noises[e]!)).toBeLessThanOrEqual(radius + 1e-6));
  });

  it('falls by a step of Gauss-Newton where it is a sum of squares, else by steps of Adam', async () => {
    const pairs = await pairsOf(32);
    const point = { denoiser, schedule, objective, parameterisation, block: parameterisation.blocks[0]!, train: pairs };
    const before = mean(await tableLosses(denoiser, objective, start, pairs));
    let theta = parameterisation.initial;
    if (objective.squares) ({ theta } = await gaussNewtonStep({ ...point, theta }, gaussNewtonState()));
    else {
      const state = adamState(parameterisation.size);
      for (let i = 0; i < 10; i++) ({ theta } = await adamStep({ ...point, theta }, state, 0.003));
    }
    const after = mean(await tableLosses(denoiser, objective, parameterisation.table(theta), pairs));
    expect(after).toBeLessThan(0.95 * before);
  });
});

describe('squares', () => {
  it.each(Object.entries(objectives).filter(([, objective]) => 'squares' in objective))(
    'of %s: their gradient is that of the losses',
    async (name, objective) => {
      const pairs = await pairsOf(6);
      const outcome = await missedBy(pairs);
      const { rows } = await objective.gradient!(outcome, pairs);
      const squares = await objective.squares!(outcome, pairs);
      const { residuals, width, losses } = squares;
      expect(losses).toEqual(await objective.losses(outcome, pairs));
      const tangent = Float32Array.from(outcome.states[nfe]!, (_, e) => Math.cos(2.2 * e));
      const pushed = await squares.push((row) => (row === nfe ? tangent : undefined));
      for (let i = 0; i < pairs.count; i++) {
        let [slope, bySquares, size] = [0, 0, 0];
        for (let e = 2 * i; e < 2 * i + 2; e++) slope += rows.get(nfe)![e]! * tangent[e]!;
        for (let e = width * i; e < width * (i + 1); e++) {
          bySquares += 2 * residuals[e]! * pushed[e]!;
          size += Math.abs(2 * residuals[e]! * pushed[e]!);
        }
        // One-sided differences of the map: a step of 1 % of the sample.
        expect(Math.abs(bySquares - slope)).toBeLessThan((name.includes('features') ? 0.03 : 1e-5) * size + 1e-6);
      }
    },
  );

  it('do not move with rows that the objective does not look at, nor with a tangent of zeros', async () => {
    const pairs = await pairsOf(2);
    const squares = await endpoint(l2, features()).squares!(await outcomeOf(pairs), pairs);
    expect(await squares.push(() => undefined)).toEqual(new Float32Array(6));
    expect(await squares.push(() => new Float32Array(4))).toEqual(new Float32Array(6));
  });
});

describe('a network without a gradient', () => {
  it('leaves squares, and no gradient', async () => {
    const objective = endpoint(l2, composed(turn, features(false)));
    expect(Object.keys(objective)).toEqual(['losses', 'squares']);
    const numberOnly: Distance = { losses: (values, targets, count) => cosine.losses(values, targets, count) };
    expect(Object.keys(endpoint(numberOnly))).toEqual(['losses']);
  });
});

describe('what the network makes of targets', () => {
  it('is taken from the pairs, and goes with them where they are cut and picked', async () => {
    const network = features();
    const objective = endpoint(l2, network);
    const pairs = await pairsOf(5);
    const prepared = { ...pairs, mappedTargets: await network.map(pairs.targets, 5) };
    const expected = await tableLosses(denoiser, objective, start, pairs);
    network.calls = 0;
    const cut = slicePairs(slicePairs(prepared, 1, 4), 1, 3);
    expect(await tableLosses(denoiser, objective, start, cut)).toEqual(expected.slice(2, 5));
    const picked = pickPairs(prepared, [4, 0, 2]);
    expect(Array.from(await tableLosses(denoiser, objective, start, picked))).toEqual(
      [4, 0, 2].map((i) => expected[i]),
    );
    expect(network.calls).toBe(6);
  });
});

describe('weights by sample', () => {
  it('multiply losses, gradients and squares, and go with pairs that are cut and picked', async () => {
    const plain = endpoint(l1, features());
    const objective = weighted(plain);
    const all = { ...(await pairsOf(5)), weights: Float64Array.of(0, 1, 2, 0.5, 3) };
    const pairs = pickPairs(slicePairs(all, 1, 4), [3, 0, 1]);
    expect(Array.from(pairs.weights!)).toEqual([3, 1, 2]);
    const outcome = await outcomeOf(pairs);
    const losses = await plain.losses(outcome, pairs);
    const wanted = losses.map((loss, i) => loss * pairs.weights![i]!);
    expect(await objective.losses(outcome, pairs)).toEqual(wanted);
    const [a, b] = [await objective.gradient!(outcome, pairs), await plain.gradient!(outcome, pairs)];
    expect(a.losses).toEqual(wanted);
    expect(a.rows.get(nfe)).toEqual(b.rows.get(nfe)!.map((g, e) => g * pairs.weights![Math.floor(e / 2)]!));
    const [c, d] = [await objective.squares!(outcome, pairs), await plain.squares!(outcome, pairs)];
    const tangent = (): Float32Array => new Float32Array(6).fill(1);
    for (const [mine, theirs] of [
      [c.residuals, d.residuals],
      [await c.push(tangent), await d.push(tangent)],
    ] as const) {
      mine.forEach((r, e) => expect(r ** 2).toBeCloseTo(theirs[e]! ** 2 * pairs.weights![Math.floor(e / 3)]!, 4));
    }
  });

  it('of sets that have none are all alike', async () => {
    const pairs = await pairsOf(3);
    const outcome = await outcomeOf(pairs);
    expect(await weighted(squared).losses(outcome, pairs)).toEqual(await squared.losses(outcome, pairs));
  });
});
