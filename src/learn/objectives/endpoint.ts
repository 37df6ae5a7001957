import type { Objective } from '../objective';
import type { PairSet } from '../pairs';
import type { Distance } from './distance';
import { pushThrough } from './network-map';
import type { NetworkMap } from './network-map';

/**
 * The distance of the student's sample y_N from the teacher's, or of what a network makes of them (features, or decoded
 * images). Where the distance is pointwise, residuals are √w·(φ(y_N) − φ(target)) and their derivatives are differences of
 * the network φ, so Gauss–Newton needs no gradient of it; gradient steps and the relaxed objective do.
 */
export function endpoint(distance: Distance, map?: NetworkMap): Objective {
  const mapped = async (samples: Float32Array, pairs: PairSet, signal?: AbortSignal): Promise<MappedPairs> => {
    if (!map) return { values: samples, targets: pairs.targets };
    const values = await map.map(samples, pairs.count, signal);
    return { values, targets: pairs.mappedTargets ?? (await map.map(pairs.targets, pairs.count, signal)) };
  };
  return {
    async losses({ table, states }, pairs, signal) {
      const { values, targets } = await mapped(states[table.nfe]!, pairs, signal);
      return distance.losses(values, targets, pairs.count, signal);
    },
    ...(distance.gradient &&
      (!map || map.vjp) && {
        async gradient({ table, states }, pairs, signal) {
          const samples = states[table.nfe]!;
          const { values, targets } = await mapped(samples, pairs, signal);
          const { losses, gradient } = await distance.gradient!(values, targets, pairs.count, signal);
          const pulled = map ? await map.vjp!(samples, gradient, pairs.count, signal) : gradient;
          return { losses, rows: new Map([[table.nfe, pulled]]) };
        },
      }),
    ...(distance.weights && {
      async squares({ table, states }, pairs, signal) {
        const { count } = pairs;
        const samples = states[table.nfe]!;
        const { values, targets } = await mapped(samples, pairs, signal);
        const roots = distance.weights!(values, targets, count).map(Math.sqrt);
        return {
          losses: await distance.losses(values, targets, count, signal),
          width: values.length / count,
          residuals: values.map((value, e) => roots[e]! * (value - targets[e]!)),
          push: async (tangent, pushSignal) => {
            const own = tangent(table.nfe);
            if (!own) return new Float32Array(values.length);
            const pushed = map ? await pushThrough(map, samples, values, own, count, pushSignal) : own;
            return pushed.map((value, e) => roots[e]! * value);
          },
        };
      },
    }),
  };
}

interface MappedPairs {
  readonly values: Float32Array;
  readonly targets: Float32Array;
}
