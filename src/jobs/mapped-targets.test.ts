import { expect, it } from 'vitest';
import type { Distance } from '../learn/objectives/distance';
import type { NetworkMap } from '../learn/objectives/network-map';
import type { PairSet } from '../learn/pairs';
import { mappedTargets } from './mapped-targets';
import type { Named } from './mapped-targets';

const count = 70;
const pairs: PairSet = {
  count,
  dim: 2,
  noises: new Float32Array(2 * count),
  targets: Float32Array.from({ length: 2 * count }, (_, e) => e),
  conditions: new Int32Array(count),
};
const { signal } = new AbortController();

function named<Network>(name: string, network: Network): Named<Network> {
  return { name, advice: 'its range', network };
}

/** Sums of the two numbers of a sample, through `change`. */
const sums = (change = (sum: number): number => sum): NetworkMap => ({
  map: async (values, n) => Float32Array.from({ length: n }, (_, i) => change(values[2 * i]! + values[2 * i + 1]!)),
});
const doubles: NetworkMap = { map: async (values) => values.map((value) => 2 * value) };

it('go through one network behind another, every sample once and in order', async () => {
  const mapped = await mappedTargets(pairs, [named('a', doubles), named('b', sums())], undefined, signal);
  expect([...mapped!]).toEqual(Array.from({ length: count }, (_, i) => 8 * i + 2));
});

it('that are not finite name the network that made them so, wherever they are', async () => {
  const nanAt60 = sums((sum) => (sum > 480 ? Number.NaN : sum));
  await expect(mappedTargets(pairs, [named('a', doubles), named('b', nanAt60)], undefined, signal)).rejects.toThrow(
    /^b gives NaN or infinity on the teacher's samples; check its range, or whether it overflows in float16\.$/,
  );
  const huge: NetworkMap = { map: async (values) => values.map((value) => value * 1e38) };
  await expect(mappedTargets(pairs, [named('a', huge), named('b', sums())], undefined, signal)).rejects.toThrow(/^a /);
});

it('are compared with one another, never with themselves, and nothing is kept where nothing is mapped', async () => {
  const compared: number[] = [];
  // 0/0 of a sample and itself, as of some normalised distances.
  const ratio: Distance = {
    losses: async (values, targets, n) => {
      compared.push(n);
      return Float64Array.from({ length: n }, (_, i) => {
        const difference = values[2 * i]! - targets[2 * i]!;
        return difference / difference;
      });
    },
  };
  expect(await mappedTargets(pairs, [], named('c', ratio), signal)).toBeUndefined();
  expect(compared.reduce((sum, n) => sum + n)).toBe(count);
  const broken: Distance = { losses: async (_, __, n) => new Float64Array(n).fill(Infinity) };
  await expect(mappedTargets(pairs, [], named('c', broken), signal)).rejects.toThrow(/^c gives NaN or infinity/);
});
