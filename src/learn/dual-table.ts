import type { NoiseSchedule } from '../diffusion/noise-schedule';
import type { Prediction } from '../diffusion/prediction';
import { rowOffset, type SolverTable } from '../solvers/table';
import { Dual, dualLevel, dualVariables } from './dual';
import type { Parameterisation } from './parameterisation';

/** A state or model output as coefficients over (x_T, D_0, …, D_{N−1}), each with its gradient. */
export type DualForm = readonly Dual[];

/** Σ coefficient · form. */
export function combineDual(...terms: readonly (readonly [coefficient: Dual | number, form: DualForm])[]): DualForm {
  const [[first, form], ...rest] = terms as [(typeof terms)[number], ...typeof terms];
  return rest.reduce<DualForm>(
    (sum, [coefficient, other]) => sum.map((value, i) => value.plus(scaled(other[i]!, coefficient))),
    form.map((value) => scaled(value, first)),
  );
}

/** Forms are mostly zeros and ones; they need no arithmetic. */
function scaled(value: Dual, coefficient: Dual | number): Dual {
  return typeof coefficient === 'number' ? value.times(coefficient) : coefficient.times(value);
}

/** A point of a grid that may move with θ. */
export interface DualPoint {
  readonly t: Dual;
  readonly alpha: Dual;
  readonly sigma: Dual;
  /** log(α/σ). */
  readonly lambda: Dual;
}

/** The point of a schedule at a time. Times outside the schedule are moved to its end. */
export function dualPointAt(schedule: NoiseSchedule, time: Dual): DualPoint {
  const { tMin, tMax } = schedule;
  const inside = Math.min(tMax, Math.max(tMin, time.value));
  const level = schedule.at(inside);
  const t = time.map(inside, 1);
  return {
    t,
    ...dualLevel(level, t),
    lambda: t.map(schedule.lambda(inside), level.dAlpha / level.alpha - level.dSigma / level.sigma),
  };
}

/** The point of a schedule at a λ. */
export function dualPointOfLambda(schedule: NoiseSchedule, lambda: Dual): DualPoint {
  return dualPointAt(schedule, dualTimeOfLambda(schedule, lambda));
}

/** t(λ), with dt/dλ = 1/(α′/α − σ′/σ). A λ outside the schedule is moved to its end. */
export function dualTimeOfLambda(schedule: NoiseSchedule, lambda: Dual): Dual {
  const { tMin, tMax } = schedule;
  const t = Math.min(tMax, Math.max(tMin, schedule.timeOfLambda(lambda.value)));
  const { alpha, sigma, dAlpha, dSigma } = schedule.at(t);
  return lambda.map(t, 1 / (dAlpha / alpha - dSigma / sigma));
}

/** What the model is asked at: the time it is handed, and the noise level its output is converted with. */
export type DualCall = Pick<DualPoint, 't' | 'alpha' | 'sigma'>;

/** What the model says at a state. */
export interface DualEvaluation {
  readonly data: DualForm;
  readonly noise: DualForm;
  /** Velocity of the straight path, ε − x₀, whatever the space. */
  readonly flow: DualForm;
  /** D itself. */
  readonly output: DualForm;
}

/**
 * `TableRecorder` of the solvers room with gradients: runs a method's own formulas on linear forms whose coefficients
 * depend on θ; `evaluate` notes the state as the next row of the table, and the time as the call's.
 */
export class DualRecorder {
  /** y_0 = s_0·x_T, with the start table's s_0. */
  readonly start: DualForm;
  private readonly rows: DualForm[] = [];
  private readonly times: Dual[] = [];

  constructor(
    private readonly like: SolverTable,
    /** Length of the gradients. */
    readonly size: number,
  ) {
    this.start = this.unit(0, like.start[0]!);
  }

  constant(value: number): Dual {
    return Dual.constant(value, this.size);
  }

  /**
   * The model at `state`. D is what the start table says. Where D is not `wanted` already, it is converted with the call's
   * α and σ, which need not be those of the time the network is handed (decoupled times).
   */
  evaluate(state: DualForm, { t, alpha, sigma }: DualCall): DualEvaluation {
    const { nfe, prediction, space } = this.like;
    if (this.rows.length === nfe) throw new RangeError(`The method makes more than ${nfe} evaluations.`);
    this.rows.push(state);
    this.times.push(t);
    const output = this.unit(this.rows.length, 1);
    // D = data·x₀ + noise·ε, as `predictionMixture` has it.
    const known = (): [data: Dual, noise: Dual] => {
      if (prediction === 'data') return [this.constant(1), this.constant(0)];
      if (prediction === 'noise') return [this.constant(0), this.constant(1)];
      return space === 'vp' ? [sigma.times(-1), alpha] : [this.constant(-1), this.constant(1)];
    };
    const as = (wanted: Exclude<Prediction, 'velocity'>): DualForm => {
      if (wanted === prediction) return output;
      const [data, noise] = known();
      const det = alpha.times(noise).minus(sigma.times(data));
      return wanted === 'data'
        ? combineDual([noise.over(det), state], [sigma.over(det).times(-1), output])
        : combineDual([data.over(det).times(-1), state], [alpha.over(det), output]);
    };
    // Getters, because one of the two may be singular at an end where the method does not ask for it.
    return {
      output,
      get data() {
        return as('data');
      },
      get noise() {
        return as('noise');
      },
      get flow() {
        return prediction === 'velocity' && space === 'flow' ? output : combineDual([1, as('noise')], [-1, as('data')]);
      },
    };
  }

  /** The free entries, in the order of `tableEntries`, of the table whose sample is `sample`. */
  finish(sample: DualForm): Dual[] {
    const { nfe } = this.like;
    if (this.rows.length !== nfe) {
      throw new RangeError(`The method makes ${this.rows.length} evaluations; its table has ${nfe}.`);
    }
    const states = [...this.rows.slice(1), sample];
    return [...states.map((state) => state[0]!), ...states.flatMap((state, k) => state.slice(1, k + 2)), ...this.times];
  }

  private unit(index: number, value: number): DualForm {
    return Array.from({ length: this.like.nfe + 1 }, (_, i) => this.constant(i === index ? value : 0));
  }
}

/** A method's formulas with parameters: asks the recorder for evaluations and returns the sample. */
export type DualMethod = (theta: readonly Dual[], recorder: DualRecorder) => DualForm;

/**
 * A parameterisation from formulas: table and exact Jacobian both come from running `method` on dual numbers.
 *
 * @param like gives the table's s_0, number of evaluations, prediction and space
 * @param blocks default: all parameters at once
 * @param project default: every θ is allowed
 */
export function dualParameterisation(
  like: SolverTable,
  definition: Pick<Parameterisation, 'initial'> &
    Partial<Pick<Parameterisation, 'blocks' | 'project'>> & { readonly method: DualMethod },
): Parameterisation {
  const { initial, method } = definition;
  const { nfe, prediction, space } = like;
  const size = initial.length;
  const entriesOf = (theta: Float64Array, gradients: boolean): Dual[] => {
    const recorder = new DualRecorder(like, gradients ? size : 0);
    return recorder.finish(method(dualVariables(theta, gradients), recorder));
  };
  return {
    size,
    initial,
    blocks: definition.blocks ?? [range(0, size)],
    table(theta) {
      const values = Float64Array.from(entriesOf(theta, false), ({ value }) => value);
      const timesFrom = nfe + rowOffset(nfe);
      return {
        nfe,
        start: Float64Array.from([like.start[0]!, ...values.subarray(0, nfe)]),
        weights: values.slice(nfe, timesFrom),
        times: values.slice(timesFrom),
        prediction,
        space,
      };
    },
    jacobian(theta) {
      const entries = entriesOf(theta, true);
      const jacobian = new Float64Array(entries.length * size);
      entries.forEach((entry, i) => jacobian.set(entry.grad, i * size));
      return jacobian;
    },
    project: definition.project ?? ((theta) => theta.slice()),
  };
}

/** from, from + 1, …, to − 1. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
