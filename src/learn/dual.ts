import type { NoiseLevel } from '../diffusion/noise-schedule';

/**
 * A number with its gradient with respect to θ (forward-mode differentiation). Parameterisations have tens of
 * parameters, so carrying the whole gradient is cheap and gives exact Jacobians without a formula per method. Numbers
 * that are combined must have gradients of one length; length 0 computes values only.
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
    if (index < size) grad[index] = 1;
    return new Dual(value, grad);
  }

  /** f(this), given f and f′ at the value. What does not depend on θ keeps a zero gradient, even where f′ is infinite. */
  map(value: number, derivative: number): Dual {
    return new Dual(
      value,
      this.grad.map((g) => (g === 0 ? 0 : g * derivative)),
    );
  }

  plus(other: Dual | number): Dual {
    if (typeof other === 'number') return new Dual(this.value + other, this.grad);
    return new Dual(
      this.value + other.value,
      this.grad.map((g, i) => g + other.grad[i]!),
    );
  }

  minus(other: Dual | number): Dual {
    return this.plus(typeof other === 'number' ? -other : other.times(-1));
  }

  times(other: Dual | number): Dual {
    if (typeof other === 'number') return this.map(this.value * other, other);
    return new Dual(
      this.value * other.value,
      this.grad.map((g, i) => g * other.value + this.value * other.grad[i]!),
    );
  }

  over(other: Dual | number): Dual {
    return this.times(typeof other === 'number' ? 1 / other : other.inverse());
  }

  inverse(): Dual {
    return this.map(1 / this.value, -1 / this.value ** 2);
  }

  exp(): Dual {
    const e = Math.exp(this.value);
    return this.map(e, e);
  }

  /** e^this − 1, without losing digits near 0. */
  expm1(): Dual {
    return this.map(Math.expm1(this.value), Math.exp(this.value));
  }

  log(): Dual {
    return this.map(Math.log(this.value), 1 / this.value);
  }

  /** 1/(1 + e^−this). */
  sigmoid(): Dual {
    const s = 1 / (1 + Math.exp(-this.value));
    return this.map(s, s * (1 - s));
  }

  tanh(): Dual {
    const t = Math.tanh(this.value);
    return this.map(t, 1 - t * t);
  }
}

/** θ as numbers that know their own gradient; with `gradients` false, as numbers without any. */
export function dualVariables(theta: Float64Array, gradients: boolean): Dual[] {
  const size = gradients ? theta.length : 0;
  return Array.from(theta, (value, i) => Dual.variable(value, i, size));
}

/** α and σ at a time that is itself a function of θ. */
export function dualLevel(level: NoiseLevel, time: Dual): { readonly alpha: Dual; readonly sigma: Dual } {
  return { alpha: time.map(level.alpha, level.dAlpha), sigma: time.map(level.sigma, level.dSigma) };
}
