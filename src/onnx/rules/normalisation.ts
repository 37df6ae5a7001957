import { floatAttribute, intAttribute } from '../attributes';
import type { GraphBuilder } from '../builder';
import { centredAttentionCotangent } from './attention-cotangent';
import { toTypeOf, unbroadcast } from './broadcast';
import type { Rule, RuleTable, Site } from './rule';

/** What a normalisation over some axes leaves for its adjoint. */
interface Statistics {
  readonly axes: readonly number[];
  /** s = x − mean(x); x itself where nothing is centred (RMS norm) */
  readonly shifted: string;
  /** v = mean(s²) + ε */
  readonly variance: string;
  /** √v */
  readonly deviation: string;
  readonly centred: boolean;
}

/** The variance is the mean of squares of the shifted values: E[x²] − E[x]² would cancel in float32. */
function statistics(
  b: GraphBuilder,
  x: string,
  axes: readonly number[],
  epsilon: number,
  centred: boolean,
): Statistics {
  const shifted = centred ? b.sub(x, b.reduceMean(x, axes)) : x;
  const variance = b.add(b.reduceMean(b.mul(shifted, shifted), axes), b.scalar(epsilon, x));
  return { axes, shifted, variance, deviation: b.emit('Sqrt', [variance]), centred };
}

/**
 * The adjoint of x̂ = s/√v, x̄ = (c − mean(c) − s·mean(c·s)/v) · gain/√v, with as few passes over whole tensors as the
 * formula allows: x̂ is not made, and a gain that is constant along the axes is a factor of the small tensor.
 */
function pullback(
  b: GraphBuilder,
  c: string,
  { axes, shifted, variance, deviation, centred }: Statistics,
  gain?: string,
) {
  const projected = b.mul(shifted, b.div(b.reduceMean(b.mul(c, shifted), axes), variance));
  const direct = centred ? b.sub(c, b.reduceMean(c, axes)) : c;
  const rest = b.sub(direct, projected);
  return gain === undefined ? b.div(rest, deviation) : b.mul(rest, b.div(gain, deviation));
}

const normalised = (b: GraphBuilder, { shifted, deviation }: Statistics): string => b.div(shifted, deviation);

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** Reshapes a per-channel vector so that it broadcasts over [N, C, …]. */
function perChannel(b: GraphBuilder, vector: string, rank: number): string {
  return b.reshape(vector, [1, -1, ...Array<number>(rank - 2).fill(1)]);
}

/** Cotangents of per-channel scale and bias: sums over every axis but the second. */
function channelSum(site: Site, value: string, target: string): string {
  const axes = [0, ...range(2, site.rank())];
  return site.b.reshapeLike(site.b.reduceSum(value, axes, false), target);
}

/** Group norms are exported as instance norms with scale one, and layer norms without parameters have ones too. */
const isOne = (site: Site, index: number): boolean => site.b.isFilledWith(site.x(index), 1);

const epsilonOf = (site: Site): number => floatAttribute(site.node, 'epsilon', 1e-5);

/** Layer norm and RMS norm: scale (and bias) have the shape of the normalised axes, or broadcast to it. */
const lastAxes =
  (centred: boolean): Rule =>
  (site) => {
    const { b, node } = site;
    const g = site.cotangent(0);
    const axes = range(site.axis(intAttribute(node, 'axis', -1)), site.rank());
    const fromOutputs = centred ? plainGradient(site, axes) : undefined;
    if (fromOutputs !== undefined) return [fromOutputs];
    const values = statistics(b, site.x(), axes, epsilonOf(site), centred);
    const c = () => (isOne(site, 1) ? g : b.mul(g, site.x(1)));
    return [
      site.wants(0) ? addStatistics(site, values, pullback(b, c(), values)) : undefined,
      site.wants(1) ? unbroadcast(b, b.mul(g, normalised(b, values)), site.x(1)) : undefined,
      site.wants(2) ? unbroadcast(b, g, site.x(2)) : undefined,
    ];
  };

/**
 * The same from the node's own outputs, x̂ and 1/√v, where it has no scale and bias and hands both out: statistics are not
 * computed again.
 */
function plainGradient(site: Site, axes: readonly number[]): string | undefined {
  const { b } = site;
  const [c, inverse] = [site.g, site.y(2)];
  const isPlain = isOne(site, 1) && !site.wants(1) && !site.has(2);
  if (!isPlain || c === '' || inverse === '' || site.receives(1) || site.receives(2)) return undefined;
  if (b.typeOf(inverse) !== b.typeOf(site.x())) return undefined;
  const projected = b.mul(site.y(), b.reduceMean(b.mul(c, site.y()), axes));
  return b.mul(b.sub(b.sub(c, b.reduceMean(c, axes)), projected), inverse);
}

/** Adds the shares of the optional outputs Mean and InvStdDev added: 1/n and −s/(n·v^{3/2}). */
function addStatistics(site: Site, { axes, shifted, variance, deviation }: Statistics, gradient: string): string {
  const { b } = site;
  const cotangent = (index: number) => toTypeOf(b, site.cotangent(index), site.x());
  const mean = (value: string) => b.div(value, count(site, axes));
  let result = gradient;
  if (site.receives(1)) result = b.add(result, mean(cotangent(1)));
  if (site.receives(2)) {
    result = b.sub(result, b.mul(shifted, mean(b.div(cotangent(2), b.mul(variance, deviation)))));
  }
  return result;
}

/** The number of elements along axes. */
function count(site: Site, axes: readonly number[]): string {
  const { b } = site;
  const sizes = b.emit('Gather', [b.shape(site.x()), b.ints(axes)]);
  return b.emit('Cast', [b.emit('ReduceProd', [sizes], { keepdims: 0 })], { to: b.typeOf(site.x()) });
}

const instance: Rule = (site) => {
  const { b, g } = site;
  const rank = site.rank();
  const values = statistics(b, site.x(), range(2, rank), epsilonOf(site), true);
  const gain = isOne(site, 1) ? undefined : perChannel(b, site.x(1), rank);
  return [
    site.wants(0) ? pullback(b, g, values, gain) : undefined,
    site.wants(1) ? channelSum(site, b.mul(g, normalised(b, values)), site.x(1)) : undefined,
    site.wants(2) ? channelSum(site, g, site.x(2)) : undefined,
  ];
};

/** In inference batch norm is affine: y = (x − mean) · scale/√(variance + ε) + bias. */
const batch: Rule = (site) => {
  const { b, g, node } = site;
  if (intAttribute(node, 'training_mode', 0) === 1)
    site.onlyIf('its training mode is off; export the model in evaluation mode');
  const rank = site.rank();
  const vector = (value: string) => (rank === 1 ? value : perChannel(b, value, rank));
  const sum = (value: string, target: string) =>
    rank === 1 ? b.reshapeLike(b.reduceSum(value, [0], true), target) : channelSum(site, value, target);
  const variance = b.add(site.x(4), b.scalar(epsilonOf(site), site.x(4)));
  const deviation = b.emit('Sqrt', [variance]);
  const slope = b.div(site.x(1), deviation);
  const gradient = (index: number, value: () => string) => (site.wants(index) ? value() : undefined);
  const shares = () => b.mul(g, b.sub(site.x(), vector(site.x(3))));
  return [
    gradient(0, () => b.mul(g, vector(slope))),
    gradient(1, () => b.div(sum(shares(), site.x(1)), deviation)),
    gradient(2, () => sum(g, site.x(2))),
    gradient(3, () => b.neg(b.mul(sum(g, site.x(3)), slope))),
    gradient(4, () => b.div(b.mul(b.scale(sum(shares(), site.x(4)), -0.5), slope), variance)),
  ];
};

/**
 * Local response normalisation over channels: y = x·s^{−β}, s = bias + α/n · Σ x² over a window of n channels, so
 * x̄ = g·s^{−β} − 2αβ/n · x · Σ g·x·s^{−β−1} over the mirrored window.
 */
const localResponse: Rule = (site) => {
  const { b, g, node } = site;
  const x = site.x();
  const size = intAttribute(node, 'size', 1);
  const [alpha, beta] = [floatAttribute(node, 'alpha', 1e-4), floatAttribute(node, 'beta', 0.75)];
  const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
  const ones = b.floats([1, 1, size, 1], Array<number>(size).fill(1), b.typeOf(x));
  const windowSum = (value: string, first: number, last: number) => {
    const channels = b.emit('Unsqueeze', [b.reshape(value, [0, 0, -1]), b.ints([1])]);
    return b.reshapeLike(b.emit('Conv', [channels, ones], { pads: [first, 0, last, 0] }), x);
  };
  const power = (value: string, exponent: number) => b.emit('Pow', [value, b.scalar(exponent, value)]);
  const sums = b.scale(windowSum(b.mul(x, x), before, after), alpha / size);
  const s = b.add(sums, b.scalar(floatAttribute(node, 'bias', 1), x));
  const direct = b.mul(g, power(s, -beta));
  const shares = windowSum(b.div(b.mul(direct, x), s), after, before);
  return [b.sub(direct, b.mul(x, b.scale(shares, (2 * alpha * beta) / size)))];
};

/** Softmax over one axis: x̄ = y · (c − Σ c·y). */
const softmax: Rule = (site) => {
  const { b, g } = site;
  const axis = softmaxAxis(site);
  const y = site.y();
  const centred = centredAttentionCotangent(site, axis) ?? b.sub(g, b.reduceSum(b.mul(g, y), [axis], true));
  return [b.mul(y, centred)];
};

/** x̄ = c − softmax(x) · Σ c */
const logSoftmax: Rule = (site) => {
  const { b, g } = site;
  return [b.sub(g, b.mul(b.emit('Exp', [site.y()]), b.reduceSum(g, [softmaxAxis(site)], true)))];
};

const softmaxAxis = (site: Site): number => site.axis(intAttribute(site.node, 'axis', -1));

export const normalisationRules: RuleTable = {
  LayerNormalization: lastAxes(true),
  RMSNormalization: lastAxes(false),
  InstanceNormalization: instance,
  BatchNormalization: batch,
  LRN: localResponse,
  Softmax: softmax,
  LogSoftmax: logSoftmax,
};
