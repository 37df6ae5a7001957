import { floatAttribute, intAttribute } from '../attributes';
import type { GraphBuilder } from '../builder';
import { unbroadcast } from './broadcast';
import type { Rule, RuleTable, Site } from './rule';

interface Normalised {
  /** x̂ = (x − mean) / √(variance + ε) */
  readonly normalised: string;
  /** The cotangent of x, given that of x̂. */
  readonly pullback: (cotangent: string) => string;
}

/**
 * x̂ over the axes, and its adjoint x̄ = (c − mean(c) − x̂·mean(c·x̂)) / √(variance + ε). Without centring (RMS norm) the
 * mean of x and that of c are left out.
 */
function normalise(b: GraphBuilder, x: string, axes: readonly number[], epsilon: number, centred = true): Normalised {
  const shifted = centred ? b.sub(x, b.reduceMean(x, axes)) : x;
  const variance = b.reduceMean(b.mul(shifted, shifted), axes);
  const deviation = b.emit('Sqrt', [b.add(variance, b.scalar(epsilon, x))]);
  const normalised = b.div(shifted, deviation);
  return {
    normalised,
    pullback: (cotangent) => {
      const projected = b.mul(normalised, b.reduceMean(b.mul(cotangent, normalised), axes));
      const direct = centred ? b.sub(cotangent, b.reduceMean(cotangent, axes)) : cotangent;
      return b.div(b.sub(direct, projected), deviation);
    },
  };
}

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

/** Layer norm and RMS norm: scale (and bias) have the shape of the normalised axes, or broadcast to it. */
const lastAxes =
  (centred: boolean): Rule =>
  (site) => {
    const { b, g, node } = site;
    const axes = range(site.axis(intAttribute(node, 'axis', -1)), site.rank());
    const { normalised, pullback } = normalise(b, site.x(), axes, floatAttribute(node, 'epsilon', 1e-5), centred);
    return [
      site.wants(0) ? pullback(b.mul(g, site.x(1))) : undefined,
      site.wants(1) ? unbroadcast(b, b.mul(g, normalised), site.x(1)) : undefined,
      site.wants(2) ? unbroadcast(b, g, site.x(2)) : undefined,
    ];
  };

const instance: Rule = (site) => {
  const { b, g, node } = site;
  const rank = site.rank();
  const { normalised, pullback } = normalise(b, site.x(), range(2, rank), floatAttribute(node, 'epsilon', 1e-5));
  return [
    site.wants(0) ? pullback(b.mul(g, perChannel(b, site.x(1), rank))) : undefined,
    site.wants(1) ? channelSum(site, b.mul(g, normalised), site.x(1)) : undefined,
    site.wants(2) ? channelSum(site, g, site.x(2)) : undefined,
  ];
};

/** Group norm normalises [N, G, elements of a group]; scale and bias are per channel (from operator set 21 on). */
const group: Rule = (site) => {
  const { b, g, node } = site;
  if (b.opset < 21)
    site.onlyIf('the model has operator set 21 or later; its older form is deprecated, so export the model again');
  const groups = intAttribute(node, 'num_groups', 1);
  const grouped = (value: string) => b.reshape(value, [0, groups, -1]);
  const { normalised, pullback } = normalise(b, grouped(site.x()), [2], floatAttribute(node, 'epsilon', 1e-5));
  const scale = perChannel(b, site.x(1), site.rank());
  return [
    site.wants(0) ? b.reshapeLike(pullback(grouped(b.mul(g, scale))), site.x()) : undefined,
    site.wants(1) ? channelSum(site, b.mul(g, b.reshapeLike(normalised, site.x())), site.x(1)) : undefined,
    site.wants(2) ? channelSum(site, g, site.x(2)) : undefined,
  ];
};

/** In inference batch norm is affine: x̄ = c · scale / √(variance + ε). */
const batch: Rule = (site) => {
  const { b, node } = site;
  if (intAttribute(node, 'training_mode', 0) === 1)
    site.onlyIf('its training mode is off; export the model in evaluation mode');
  ['scale', 'bias', 'mean', 'variance'].forEach((what, i) => site.requireConstant(i + 1, what));
  const deviation = b.emit('Sqrt', [b.add(site.x(4), b.scalar(floatAttribute(node, 'epsilon', 1e-5), site.x(4)))]);
  return [b.mul(site.g, perChannel(b, b.div(site.x(1), deviation), site.rank()))];
};

/** Softmax over one axis: x̄ = y · (c − Σ c·y). */
const softmax: Rule = (site) => {
  const { b, g } = site;
  const axes = [softmaxAxis(site)];
  const y = site.y();
  return [b.mul(y, b.sub(g, b.reduceSum(b.mul(g, y), axes, true)))];
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
  GroupNormalization: group,
  BatchNormalization: batch,
  Softmax: softmax,
  LogSoftmax: logSoftmax,
};
