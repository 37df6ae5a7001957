import { beforeAll, describe, expect, it } from 'vitest';
import { classicTable } from '../../solvers/registry';
import { sample } from '../../solvers/sampler';
import { mean } from '../objective';
import type { Outcome } from '../objective';
import { pickPairs, slicePairs } from '../pairs';
import type { PairSet } from '../pairs';
import { teacherStates } from '../teacher-path';
import { noiseOf } from '../testing/check-parameterisation';
import { mixtureDenoiser, mixturePairs, mixtureSchedule } from '../testing/mixture-pairs';
import { squared } from './squared';
import { trajectory } from './trajectory';
import { weighted } from './weighted';

const nfe = 4;
const weight = 0.7;
const table = classicTable(mixtureSchedule, { solver: 'dpmpp', order: 2, timestep_spacing: 'karras' }, nfe);
const objective = trajectory(squared, mixtureSchedule, weight);
let pairs: PairSet;
let outcome: Outcome;
beforeAll(async () => {
  pairs = await mixturePairs(6, 1);
  outcome = { table, states: (await sample(mixtureDenoiser, table, pairs.noises, pairs.conditions)).states };
});

/** The losses in float64 of states that are moved: `by` times a direction of each row. */
function exactLosses(directions: ReadonlyMap<number, Float32Array>, by: number): Float64Array {
  const { count, dim, targets, path } = pairs;
  const losses = new Float64Array(count);
  const add = (row: number, target: Float32Array, factor: number): void => {
    const direction = directions.get(row);
    outcome.states[row]!.forEach((y, e) => {
      losses[Math.floor(e / dim)]! += (factor * (y + by * (direction?.[e] ?? 0) - target[e]!) ** 2) / dim;
    });
  };
  add(nfe, targets, 1);
  for (let row = 1; row < nfe; row++) {
    const { alpha, sigma } = mixtureSchedule.at(table.times[row]!);
    const target = teacherStates(path!, mixtureSchedule, table.times[row]!);
    add(row, target, weight / (nfe - 1) / (alpha ** 2 + sigma ** 2));
  }
  return losses;
}

/** Directions of all rows, each of the size of its states. */
function directionsOf(seed: number): Map<number, Float32Array> {
  return new Map(
    [1, 2, 3, 4].map((row) => {
      const { sigma } = mixtureSchedule.at(table.times[row] ?? mixtureSchedule.tMin);
      return [row, Float32Array.from(noiseOf(seed + row, pairs.noises.length), (u) => (1 + sigma) * u)];
    }),
  );
}

describe('the trajectory term', () => {
  it('adds the rows’ distances from the path, and counts σ = 80 and σ = 0.1 alike', async () => {
    const losses = await objective.losses(outcome, pairs);
    exactLosses(new Map(), 0).forEach((exact, i) => expect(losses[i]! / exact).toBeCloseTo(1, 4));
    expect(mean(losses)).toBeGreaterThan(mean(await squared.losses(outcome, pairs)));
  });

  it('has the gradient that central differences see', async () => {
    const { losses, rows } = await objective.gradient!(outcome, pairs);
    expect([...losses]).toEqual([...(await objective.losses(outcome, pairs))]);
    expect([...rows.keys()].sort()).toEqual([1, 2, 3, 4]);
    for (const seed of [1, 2]) {
      const directions = directionsOf(seed);
      const [up, down] = [exactLosses(directions, 1e-4), exactLosses(directions, -1e-4)];
      const slopes = new Float64Array(pairs.count);
      for (const [row, direction] of directions) {
        rows.get(row)!.forEach((g, e) => (slopes[Math.floor(e / pairs.dim)]! += g * direction[e]!));
      }
      slopes.forEach((slope, i) => expect(slope).toBeCloseTo((up[i]! - down[i]!) / 2e-4, 4));
    }
  });

  it('has residuals whose squares are the losses, and tangents that move them as differences do', async () => {
    const squares = await objective.squares!(outcome, pairs);
    const { losses, width, residuals } = squares;
    expect(width).toBe(nfe * pairs.dim);
    expect([...losses]).toEqual([...(await objective.losses(outcome, pairs))]);
    const sums = new Float64Array(pairs.count);
    residuals.forEach((r, e) => (sums[Math.floor(e / width)]! += r * r));
    sums.forEach((sum, i) => expect(sum / losses[i]!).toBeCloseTo(1, 5));
    const directions = directionsOf(3);
    const tangent = await squares.push((row) => directions.get(row));
    const h = 0.01;
    const states = outcome.states.map((state, row) => state.map((y, e) => y + h * (directions.get(row)?.[e] ?? 0)));
    const moved = await objective.squares!({ table, states }, pairs);
    tangent.forEach((v, e) => expect(v).toBeCloseTo((moved.residuals[e]! - residuals[e]!) / h, 3));
    const still = await squares.push((row) => (row === 2 ? directions.get(row) : undefined));
    still.forEach((v, e) => {
      const row = Math.floor((e % width) / pairs.dim);
      if (row !== 2) expect(v).toBe(0);
    });
    expect(still.some((v) => v !== 0)).toBe(true);
  });

  it('is left out where pairs have no path, and goes with its samples and their weights', async () => {
    const { path, ...samples } = pairs;
    expect(path).toBeDefined();
    expect([...(await objective.losses(outcome, samples))]).toEqual([...(await squared.losses(outcome, samples))]);
    expect((await objective.squares!(outcome, samples)).width).toBe(pairs.dim);
    const all = await objective.losses(outcome, pairs);
    const of = (indices: readonly number[]): Outcome => ({
      table,
      states: outcome.states.map((state) =>
        Float32Array.from(indices.flatMap((i) => [...state.subarray(i * pairs.dim, (i + 1) * pairs.dim)])),
      ),
    });
    expect([...(await objective.losses(of([2, 3]), slicePairs(pairs, 2, 2)))]).toEqual([...all.subarray(2, 4)]);
    expect([...(await objective.losses(of([5, 0]), pickPairs(pairs, [5, 0])))]).toEqual([all[5], all[0]]);
    const twice = { ...pairs, weights: new Float64Array(pairs.count).fill(2) };
    const doubled = await weighted(objective).losses(outcome, twice);
    doubled.forEach((loss, i) => expect(loss).toBeCloseTo(2 * all[i]!, 10));
  });
});
