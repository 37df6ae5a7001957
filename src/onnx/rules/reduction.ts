import { intAttribute } from '../attributes';
import { isStatic, normaliseAxis } from '../dims';
import { maskWith, sizeOf } from './broadcast';
import type { Rule, RuleTable, Site } from './rule';

/** The axes a reduction runs over, sorted; none when it does nothing. */
function reducedAxes(site: Site): number[] {
  const rank = site.rank();
  const axes = site.constant(1);
  if (axes === undefined && site.has(1)) return site.onlyIf('its axes are constants');
  if (axes && axes.length > 0) return axes.map((axis) => normaliseAxis(axis, rank)).sort((p, q) => p - q);
  return intAttribute(site.node, 'noop_with_empty_axes', 0) === 1 ? [] : [...Array(rank).keys()];
}

/** A value of the output's shape with the reduced axes put back as size one, so that it broadcasts over the input. */
function restoreAxes(site: Site, value: string): string {
  const axes = reducedAxes(site);
  if (intAttribute(site.node, 'keepdims', 1) === 1 || axes.length === 0) return value;
  return site.b.emit('Unsqueeze', [value, site.b.ints(axes)]);
}

/** Reduces over the axes that the forward node reduces over, which stay with size one. */
function reduceAlike(site: Site, operator: string, value: string): string {
  const axes = site.b.ints(reducedAxes(site));
  return site.b.emit(operator, [value, axes], { keepdims: 1, noop_with_empty_axes: 1 });
}

const sum: Rule = (site) => [site.b.expandLike(restoreAxes(site, site.g), site.x())];

const mean: Rule = (site) => {
  const { b } = site;
  const shape = b.shapeOf(site.x()) ?? [];
  const sizes = reducedAxes(site).map((axis) => shape[axis] ?? null);
  const scaled = isStatic(sizes)
    ? b.scale(site.g, 1 / sizes.reduce<number>((product, size) => product * Number(size), 1))
    : b.div(b.mul(site.g, sizeOf(b, site.y())), sizeOf(b, site.x()));
  return [b.expandLike(restoreAxes(site, scaled), site.x())];
};

/** The rules whose derivative is a factor that has the shape of x: x̄ = g · factor(x, y). */
const weighted =
  (factor: (site: Site, y: string) => string): Rule =>
  (site) => [site.b.mul(restoreAxes(site, site.g), factor(site, restoreAxes(site, site.y())))];

/** Max and Min: equal extremes share the cotangent (PyTorch's amax). */
const extreme = weighted((site, y) => {
  const { b } = site;
  const hits = b.emit('Cast', [b.emit('Equal', [site.x(), y])], { to: b.typeOf(site.x()) });
  return b.div(hits, reduceAlike(site, 'ReduceSum', hits));
});

/**
 * The product of the others, which is y/x where no element is zero. One zero leaves a cotangent at itself only, two
 * leave none: x̄ᵢ = g · Π_{xⱼ≠0} xⱼ / (xᵢ or 1), wherever all the zeros are xᵢ itself.
 */
const product = weighted((site) => {
  const { b } = site;
  const x = site.x();
  const zero = b.emit('Equal', [x, b.scalar(0, x)]);
  const filled = b.emit('Where', [zero, b.scalar(1, x), x]);
  const zeros = b.emit('Cast', [zero], { to: b.typeOf(x) });
  const elsewhere = b.sub(reduceAlike(site, 'ReduceSum', zeros), zeros);
  const others = b.div(reduceAlike(site, 'ReduceProd', filled), filled);
  return maskWith(b, b.emit('Equal', [elsewhere, b.scalar(0, x)]), others);
});

export const reductionRules: RuleTable = {
  ReduceSum: sum,
  ReduceMean: mean,
  ReduceMax: extreme,
  ReduceMin: extreme,
  ReduceSumSquare: weighted((site) => site.b.scale(site.x(), 2)),
  ReduceL1: weighted((site) => site.b.emit('Sign', [site.x()])),
  // x / ‖x‖; zero at the origin, like Sqrt.
  ReduceL2: weighted((site, y) => {
    const { b } = site;
    const nonzero = b.emit('Greater', [y, b.scalar(0, y)]);
    return b.div(maskWith(b, nonzero, site.x()), b.emit('Where', [nonzero, y, b.scalar(1, y)]));
  }),
  ReduceProd: product,
  ReduceLogSum: (site) => [
    site.b.expandLike(restoreAxes(site, site.b.div(site.g, site.b.emit('Exp', [site.y()]))), site.x()),
  ],
  // e^(x − y), the softmax; zero where all is masked by −∞, for which −∞ minus −∞ would be NaN.
  ReduceLogSumExp: weighted((site, y) => {
    const { b } = site;
    const masked = b.emit('IsInf', [y], { detect_positive: 0 });
    return b.emit('Exp', [b.sub(site.x(), b.emit('Where', [masked, b.scalar(0, y), y]))]);
  }),
};
