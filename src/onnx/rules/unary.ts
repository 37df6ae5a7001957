import { floatAttribute, stringAttribute } from '../attributes';
import { isFloat } from '../dtype';
import { maskWith, toTypeOf, unbroadcast } from './broadcast';
import type { Rule, RuleTable, Site } from './rule';

/** y = f(x) elementwise: the cotangent is g · f′(x), written with whichever of x and y makes f′ cheap. */
const unary =
  (derivative: (site: Site, x: string, y: string) => string): Rule =>
  (site) => [site.b.mul(site.g, derivative(site, site.x(), site.y()))];

/** 1 − a */
const complement = ({ b }: Site, a: string): string => b.sub(b.scalar(1, a), a);

/** 1 + a² */
const onePlusSquare = ({ b }: Site, a: string): string => b.add(b.mul(a, a), b.scalar(1, a));

/** 1/√(2π) · exp(−x²/2), the density of the standard normal distribution. */
function normalDensity({ b }: Site, x: string): string {
  return b.scale(b.emit('Exp', [b.scale(b.mul(x, x), -0.5)]), 1 / Math.sqrt(2 * Math.PI));
}

/** Gelu: d/dx x·Φ(x) = Φ(x) + x·φ(x), or the derivative of the tanh approximation (Hendrycks and Gimpel 2016). */
const gelu: Rule = (site) => {
  const { b, g } = site;
  const x = site.x();
  if (stringAttribute(site.node, 'approximate', 'none') === 'none') {
    const cdf = b.scale(b.add(b.emit('Erf', [b.scale(x, Math.SQRT1_2)]), b.scalar(1, x)), 0.5);
    return [b.mul(g, b.add(cdf, b.mul(x, normalDensity(site, x))))];
  }
  // y = x/2 · (1 + tanh u), u = √(2/π) · (x + 0.044715·x³)
  const c = Math.sqrt(2 / Math.PI);
  const square = b.mul(x, x);
  const u = b.scale(b.mul(x, b.add(b.scale(square, 0.044715), b.scalar(1, x))), c);
  const t = b.emit('Tanh', [u]);
  const du = b.add(b.scale(square, 3 * 0.044715 * c), b.scalar(c, x));
  const slope = b.mul(b.mul(x, complement(site, b.mul(t, t))), du);
  return [b.mul(g, b.scale(b.add(b.add(t, b.scalar(1, x)), slope), 0.5))];
};

/**
 * y = min(max(x, low), high) with bounds that may be absent. At a bound the gradient passes to x, as in PyTorch; outside
 * it goes to the bound, which is the upper one wherever the bounds have crossed.
 */
const clip: Rule = (site) => {
  const { b, g } = site;
  const [x, low, high] = [site.x(), site.optional(1), site.optional(2)];
  const below = low && b.emit('Less', [x, low]);
  const above = high && b.emit('Greater', [x, high]);
  const crossed = low && high && b.emit('Greater', [low, high]);
  const outside = below && above ? b.emit('Or', [below, above]) : (below ?? above);
  const send = (condition: string, bound: string) => unbroadcast(b, maskWith(b, condition, g), bound);
  return [
    outside ? b.emit('Where', [outside, b.scalar(0, g), g]) : g,
    site.wants(1) && low && below
      ? send(crossed ? b.emit('And', [below, b.emit('Not', [crossed])]) : below, low)
      : undefined,
    site.wants(2) && high && above ? send(crossed ? b.emit('Or', [above, crossed]) : above, high) : undefined,
  ];
};

/** f′ where x is above the threshold is `above`, elsewhere `below`. */
function slopes(site: Site, above: string, below: string, threshold = 0): string {
  return site.b.emit('Where', [site.b.emit('Greater', [site.x(), site.b.scalar(threshold, site.x())]), above, below]);
}

/**
 * value / root, and zero where the root is: the slope is infinite there (of √x at 0, arcsin x at 1), and infinity times
 * a cotangent of zero would be NaN. Unit-normalised features reach √0 wherever all are zero.
 */
function overRoot({ b }: Site, value: string, root: string): string {
  const zero = b.emit('Equal', [root, b.scalar(0, root)]);
  return b.emit('Where', [zero, b.scalar(0, value), b.div(value, root)]);
}

/** 1 − x² as (1 − x)·(1 + x), which keeps its digits where x is near ±1. */
function unitGap(site: Site): string {
  const { b } = site;
  return b.mul(complement(site, site.x()), b.add(site.x(), b.scalar(1, site.x())));
}

const arcSine = (site: Site): string => overRoot(site, site.g, site.b.emit('Sqrt', [unitGap(site)]));

/** α and γ of Klambauer et al. 2017, as float32, which are the operator's defaults. */
const seluAlpha = 1.67326319217681884765625;
const seluGamma = 1.05070102214813232421875;

const passThrough: Rule = (site) => [site.g];

/** A cast of the integers that QuantizeLinear made keeps their values, and their cotangents are floats already. */
const cast: Rule = (site) => [isFloat(site.b.typeOf(site.x())) ? toTypeOf(site.b, site.g, site.x()) : site.g];

const dropout: Rule = (site) => {
  const training = site.has(2) ? site.constant(2)?.[0] : 0;
  if (training !== 0) site.onlyIf('its training mode is off; export the model in evaluation mode');
  return [site.g];
};

export const unaryRules: RuleTable = {
  Abs: unary(({ b }, x) => b.emit('Sign', [x])),
  Acos: (site) => [site.b.neg(arcSine(site))],
  Acosh: (site) => [overRoot(site, site.g, site.b.emit('Sqrt', [site.b.neg(unitGap(site))]))],
  Asin: (site) => [arcSine(site)],
  Asinh: (site) => [site.b.div(site.g, site.b.emit('Sqrt', [onePlusSquare(site, site.x())]))],
  Atan: (site) => [site.b.div(site.g, onePlusSquare(site, site.x()))],
  Atanh: (site) => [site.b.div(site.g, unitGap(site))],
  Cast: cast,
  CastLike: cast,
  // max(0, x) + min(0, α·(e^(x/α) − 1))
  Celu: unary((site, x, y) => {
    const { b } = site;
    const one = b.scalar(1, x);
    return slopes(site, one, b.add(b.scale(y, 1 / floatAttribute(site.node, 'alpha', 1)), one));
  }),
  Clip: clip,
  Cos: unary(({ b }, x) => b.neg(b.emit('Sin', [x]))),
  Cosh: unary(({ b }, x) => b.emit('Sinh', [x])),
  Dropout: dropout,
  Elu: unary((site, x, y) => {
    const alpha = floatAttribute(site.node, 'alpha', 1);
    return slopes(site, site.b.scalar(1, x), site.b.add(y, site.b.scalar(alpha, x)));
  }),
  Erf: unary(({ b }, x) => b.scale(b.emit('Exp', [b.neg(b.mul(x, x))]), 2 / Math.sqrt(Math.PI))),
  Exp: unary((_site, _x, y) => y),
  Gelu: gelu,
  HardSigmoid: unary((site, x, y) => {
    const { b, node } = site;
    const inside = b.emit('And', [b.emit('Greater', [y, b.scalar(0, y)]), b.emit('Less', [y, b.scalar(1, y)])]);
    return b.emit('Where', [inside, b.scalar(floatAttribute(node, 'alpha', 0.2), x), b.scalar(0, x)]);
  }),
  // x · max(0, min(1, x/6 + 1/2)): the slope is x/3 + 1/2 between −3 and 3.
  HardSwish: unary(({ b }, x) => {
    const middle = b.add(b.scale(x, 1 / 3), b.scalar(0.5, x));
    const upper = b.emit('Where', [b.emit('Less', [x, b.scalar(3, x)]), middle, b.scalar(1, x)]);
    return maskWith(b, b.emit('Greater', [x, b.scalar(-3, x)]), upper);
  }),
  Identity: passThrough,
  LeakyRelu: unary((site, x) =>
    slopes(site, site.b.scalar(1, x), site.b.scalar(floatAttribute(site.node, 'alpha', 0.01), x)),
  ),
  Log: (site) => [site.b.div(site.g, site.x())],
  // x · tanh(softplus(x))
  Mish: unary((site, x) => {
    const { b } = site;
    const t = b.emit('Tanh', [b.emit('Softplus', [x])]);
    return b.add(t, b.mul(b.mul(x, complement(site, b.mul(t, t))), b.emit('Sigmoid', [x])));
  }),
  Neg: (site) => [site.b.neg(site.g)],
  Reciprocal: unary(({ b }, _x, y) => b.neg(b.mul(y, y))),
  Relu: (site) => [maskWith(site.b, site.b.emit('Greater', [site.x(), site.b.scalar(0, site.x())]), site.g)],
  // γ·x above zero, γ·α·(eˣ − 1) below
  Selu: unary((site, x, y) => {
    const { b, node } = site;
    const gamma = floatAttribute(node, 'gamma', seluGamma);
    return slopes(site, b.scalar(gamma, x), b.add(y, b.scalar(gamma * floatAttribute(node, 'alpha', seluAlpha), x)));
  }),
  // x ± bias outside −λ … λ, zero inside
  Shrink: (site) => {
    const { b, g } = site;
    const inside = b.emit('LessOrEqual', [
      b.emit('Abs', [site.x()]),
      b.scalar(floatAttribute(site.node, 'lambd', 0.5), g),
    ]);
    return [b.emit('Where', [inside, b.scalar(0, g), g])];
  },
  Sigmoid: unary((site, _x, y) => site.b.mul(y, complement(site, y))),
  Sin: unary(({ b }, x) => b.emit('Cos', [x])),
  Sinh: unary(({ b }, x) => b.emit('Cosh', [x])),
  Softplus: unary(({ b }, x) => b.emit('Sigmoid', [x])),
  Softsign: unary((site, x) => {
    const d = site.b.add(site.b.emit('Abs', [x]), site.b.scalar(1, x));
    return site.b.emit('Reciprocal', [site.b.mul(d, d)]);
  }),
  Sqrt: (site) => [overRoot(site, site.b.scale(site.g, 0.5), site.y())],
  // x · σ(αx)
  Swish: unary((site, x) => {
    const { b } = site;
    const alpha = floatAttribute(site.node, 'alpha', 1);
    const s = b.emit('Sigmoid', [b.scale(x, alpha)]);
    return b.add(s, b.scale(b.mul(b.mul(x, s), complement(site, s)), alpha));
  }),
  Tan: unary((site, _x, y) => onePlusSquare(site, y)),
  Tanh: unary((site, _x, y) => complement(site, site.b.mul(y, y))),
  ThresholdedRelu: (site) => [slopes(site, site.g, site.b.scalar(0, site.g), floatAttribute(site.node, 'alpha', 1))],
};

/** Piecewise constant, or not a number of the reals at all: nothing flows back through these. */
export const zeroGradientOperators: ReadonlySet<string> = new Set([
  ...'Ceil Floor Round Sign Shape Size ArgMax ArgMin NonZero Equal Less LessOrEqual Greater GreaterOrEqual'.split(' '),
  ...'And Or Xor Not IsNaN IsInf OneHot ConstantOfShape EyeLike RandomNormalLike RandomUniformLike Hardmax'.split(' '),
]);

/** Whether a node passes derivatives on at all: a cast to integers does not. */
export function isDifferentiable(operator: string, castTo: number | undefined): boolean {
  return !zeroGradientOperators.has(operator) && (castTo === undefined || isFloat(castTo));
}
