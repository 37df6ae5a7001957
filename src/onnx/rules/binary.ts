import type { GraphBuilder } from '../builder';
import { maskWith, toTypeOf, unbroadcast } from './broadcast';
import type { Rule, RuleTable, Site } from './rule';
import { siluCotangents } from './silu';

/**
 * An elementwise operator of several broadcast inputs: `derivative(i)` gives the cotangent of input i before the sum
 * over broadcast axes.
 */
const broadcasting =
  (derivative: (site: Site, index: number) => string | undefined): Rule =>
  (site) =>
    site.node.input.map((input, index) => {
      const gradient = site.wants(index) ? derivative(site, index) : undefined;
      return gradient && unbroadcast(site.b, gradient, input);
    });

/**
 * ∂(aᵖ)/∂a = p·aᵖ⁻¹, and zero where that is infinite (as of √a) or 0·∞ (p = 0): at a = 0 for exponents below one.
 * ∂(aᵖ)/∂p = y·ln a, zero where a is not positive.
 */
const pow = broadcasting((site, index) => {
  const { b, g } = site;
  const [a, p, y] = [site.x(0), site.x(1), site.y()];
  if (index === 1) {
    const positive = b.emit('Greater', [a, b.scalar(0, a)]);
    const logarithm = b.emit('Log', [b.emit('Where', [positive, a, b.scalar(1, a)])]);
    return toTypeOf(b, b.mul(g, maskWith(b, positive, b.mul(y, logarithm))), p);
  }
  const exponents = site.constant(1);
  const exponent = exponents?.length === 1 ? exponents[0] : undefined;
  if (exponent === 1) return g;
  if (exponent === 2) return b.mul(g, b.scale(a, 2));
  const one = b.scalar(1, a);
  const power = toTypeOf(b, p, a);
  const slope = b.mul(power, b.emit('Pow', [a, b.sub(power, one)]));
  if (exponents?.every((value) => value >= 1)) return b.mul(g, slope);
  const steep = b.emit('And', [b.emit('Equal', [a, b.scalar(0, a)]), b.emit('Less', [power, one])]);
  return b.mul(g, b.emit('Where', [steep, b.scalar(0, a), slope]));
});

const where: Rule = (site) => {
  const { b, g } = site;
  const zero = b.scalar(0, g);
  return [
    undefined,
    site.wants(1) ? unbroadcast(b, b.emit('Where', [site.x(0), g, zero]), site.x(1)) : undefined,
    site.wants(2) ? unbroadcast(b, b.emit('Where', [site.x(0), zero, g]), site.x(2)) : undefined,
  ];
};

/** Max and Min: where several inputs are extreme, they share the cotangent equally (as in PyTorch). */
const extreme = broadcasting((site, index) => {
  const { b, g } = site;
  const hits = site.node.input.map((input) => indicator(b, input, site.y()));
  const count = hits.reduce((sum, hit) => b.add(sum, hit));
  return b.div(b.mul(g, hits[index] ?? count), count);
});

function indicator(b: GraphBuilder, value: string, extremum: string): string {
  return b.emit('Cast', [b.emit('Equal', [value, extremum])], { to: b.typeOf(value) });
}

const prelu = broadcasting((site, index) => {
  const { b, g } = site;
  const positive = b.emit('Greater', [site.x(), b.scalar(0, site.x())]);
  if (index === 0) return b.emit('Where', [positive, g, b.mul(g, site.x(1))]);
  return b.emit('Where', [positive, b.scalar(0, g), b.mul(g, site.x())]);
});

const product = broadcasting((site, index) => site.b.mul(site.g, site.x(1 - index)));

export const binaryRules: RuleTable = {
  Add: broadcasting((site) => site.g),
  Sub: broadcasting((site, index) => (index === 0 ? site.g : site.b.neg(site.g))),
  Mul: (site) => siluCotangents(site) ?? product(site),
  // ∂(a/b)/∂b = −y/b
  Div: broadcasting((site, index) => {
    const quotient = site.b.div(site.g, site.x(1));
    return index === 0 ? quotient : site.b.neg(site.b.mul(quotient, site.y()));
  }),
  Pow: pow,
  Sum: broadcasting((site) => site.g),
  Mean: broadcasting((site) => site.b.scale(site.g, 1 / site.node.input.length)),
  Max: extreme,
  Min: extreme,
  PRelu: prelu,
  Where: where,
};
