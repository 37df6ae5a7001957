import { intAttribute } from '../attributes';
import { isStatic, normaliseAxis } from '../dims';
import { axesOf } from '../shapes';
import { maskWith, sizeOf } from './broadcast';
import type { Rule, RuleTable, Site } from './rule';

/** The axes a reduction runs over, sorted; none when it does nothing. */
function reducedAxes(site: Site): number[] {
  const rank = site.rank();
  const axes = axesOf(
    site.node,
    site.node.input.map((input) => site.b.factsOf(input)),
    1,
  );
  if (axes === undefined && site.has(1)) return site.onlyIf('its axes are constants');
  if ((axes ?? []).length > 0) return (axes ?? []).map((axis) => normaliseAxis(axis, rank)).sort((p, q) => p - q);
  return intAttribute(site.node, 'noop_with_empty_axes', 0) === 1 ? [] : [...Array(rank).keys()];
}

/** A value of the output's shape with the reduced axes put back as size one, so that it broadcasts over the input. */
function restoreAxes(site: Site, value: string): string {
  const axes = reducedAxes(site);
  if (intAttribute(site.node, 'keepdims', 1) === 1 || axes.length === 0) return value;
  return site.b.emit('Unsqueeze', [value, site.b.ints(axes)]);
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
  return b.div(hits, b.reduceSum(hits, reducedAxes(site), true));
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
  ReduceLogSumExp: weighted((site, y) => site.b.emit('Exp', [site.b.sub(site.x(), y)])),
};
