import type { Objective } from '../objective';
import type { PairSet } from '../pairs';

/** An objective whose samples count by `PairSet.weights`; a set without weights is measured as by the objective itself. */
export function weighted(objective: Objective): Objective {
  return {
    async losses(outcome, pairs, signal) {
      return scaled(await objective.losses(outcome, pairs, signal), pairs);
    },
    ...(objective.gradient && {
      async gradient(outcome, pairs, signal) {
        const { losses, rows } = await objective.gradient!(outcome, pairs, signal);
        return {
          losses: scaled(losses, pairs),
          rows: new Map([...rows].map(([row, gradient]) => [row, scaled(gradient, pairs)])),
        };
      },
    }),
    ...(objective.squares && {
      async squares(outcome, pairs, signal) {
        const squares = await objective.squares!(outcome, pairs, signal);
        return {
          losses: scaled(squares.losses, pairs),
          width: squares.width,
          residuals: scaled(squares.residuals, pairs, Math.sqrt),
          push: async (tangent, pushSignal) => scaled(await squares.push(tangent, pushSignal), pairs, Math.sqrt),
        };
      },
    }),
  };
}

/** Every number of a sample times its weight; `values` is `count × width` of any width. */
function scaled<T extends Float32Array | Float64Array>(
  values: T,
  { weights, count }: PairSet,
  factor: (weight: number) => number = (weight) => weight,
): T {
  if (!weights) return values;
  const width = values.length / count;
  const out = values.slice() as T;
  for (let e = 0; e < out.length; e++) out[e]! *= factor(weights[Math.floor(e / width)]!);
  return out;
}
