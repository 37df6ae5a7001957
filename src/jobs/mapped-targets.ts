import type { Distance } from '../learn/objectives/distance';
import type { NetworkMap } from '../learn/objectives/network-map';
import { slicePairs } from '../learn/pairs';
import type { PairSet } from '../learn/pairs';
import { isFinite32 } from './teacher';
import { UserError } from './user-error';

/** A network that an objective looks through, with what a sentence says about it. */
export interface Named<Network> {
  readonly network: Network;
  /** The file and the key of solver.yaml that names it. */
  readonly name: string;
  /** What to check when it gives NaN. */
  readonly advice: string;
}

/** Samples that go through at once. */
const sliceSize = 32;
/** Numbers of mapped targets that are kept for a set (256 MB); beyond that they are made again when needed. */
const mostKept = 2 ** 26;

/**
 * What networks, one behind another, make of the teacher's samples. The samples are those of a teacher that works, so a
 * network that gives NaN on them, or NaN as the distance of two of them, is itself to blame, and found out here.
 *
 * @param measure the network that compares two samples, if one does
 * @returns `count × width`, or undefined where it would be too much to keep
 * @throws UserError that names the network
 */
export async function mappedTargets(
  pairs: PairSet,
  maps: readonly Named<NetworkMap>[],
  measure: Named<Distance> | undefined,
  signal: AbortSignal,
): Promise<Float32Array | undefined> {
  const { count } = pairs;
  let kept: Float32Array | undefined;
  for (let from = 0; from < count; from += sliceSize) {
    const part = slicePairs(pairs, from, sliceSize);
    let values = part.targets;
    for (const { network, ...named } of maps) {
      values = await network.map(values, part.count, signal);
      requireFinite(isFinite32(values), named);
    }
    const width = values.length / part.count;
    if (from === 0 && width * count <= mostKept) kept = new Float32Array(width * count);
    kept?.set(values, from * width);
    if (!measure) continue;
    // Each with the next one: of a sample and itself some distances are NaN by right.
    const next = Float32Array.from(values, (_, e) => values[(e + width) % values.length]!);
    const { network, ...named } = measure;
    requireFinite((await network.losses(values, next, part.count, signal)).every(Number.isFinite), named);
  }
  return maps.length > 0 ? kept : undefined;
}

function requireFinite(isFinite: boolean, { name, advice }: Omit<Named<unknown>, 'network'>): void {
  if (isFinite) return;
  throw new UserError(
    'objective-not-finite',
    `${name} gives NaN or infinity on the teacher's samples; check ${advice}, or whether it overflows in float16.`,
  );
}
