import type { NoiseLevel } from '../diffusion/noise-schedule';

/**
 * A number with its gradient with respect to θ (forward-mode differentiation). Parameterisations have tens of
 * parameters, so carrying the whole gradient is cheap and gives exact Jacobians without a formula per method.
 */
export class Dual {
  constructor(
    readonly value: number,
    readonly grad: Float64Array,
  ) {}

  static constant(value: number, size: number): Dual {
    return new Dual(value, new Float64Array(size));
  }

  static variable(value: number, index: number, size: number): Dual {
    const grad = new Float64Array(size);
    grad[index] = 1;
    return new Dual(value, grad);
  }

  /** f(this), given f and f′ at the value. */
  map(value: number, derivative: number): Dual {
    return new Dual(
      value,
      this.grad.map((g) => g * derivative),
    );
  }

  plus(other: Dual): Dual {
    return new Dual(
      this.value + other.value,
      this.grad.map((g, i) => g + (other.grad[i] ?? 0)),
    );
  }

  minus(other: Dual): Dual {
    return this.plus(other.times(-1));
  }

  times(other: Dual | number): Dual {
    if (typeof other === 'number') return this.map(this.value * other, other);
    return new Dual(
      this.value * other.value,
      this.grad.map((g, i) => g * other.value + this.value * (other.grad[i] ?? 0)),
    );
  }

  over(other: Dual): Dual {
    return this.times(other.map(1 / other.value, -1 / other.value ** 2));
  }

  exp(): Dual {
    const e = Math.exp(this.value);
    return this.map(e, e);
  }
}

/** α and σ at a time that is itself a function of θ. */
export function dualLevel(level: NoiseLevel, time: Dual): { readonly alpha: Dual; readonly sigma: Dual } {
  return { alpha: time.map(level.alpha, level.dAlpha), sigma: time.map(level.sigma, level.dSigma) };
}
