import { intAttribute, stringAttribute } from '../attributes';
import { normaliseAxis } from '../dims';
import { padAxis } from './padding';
import type { Rule, RuleTable, Site } from './rule';
import { scatterBack, zerosLike } from './scatter';

// Elements picked or replaced at computed places. Repeated indices add up.

/** One slice (`x[:, 0]`, a third of qkv) is put back among zeros; anything else is scattered. */
const gather: Rule = (site) => {
  const { b } = site;
  const shape = b.shapeOf(site.x());
  const axis = normaliseAxis(intAttribute(site.node, 'axis', 0), shape?.length ?? 0);
  const [size, indexRank] = [shape?.[axis], b.shapeOf(site.x(1))?.length];
  const [index, ...more] = site.constant(1) ?? [];
  if (index === undefined || more.length > 0 || typeof size !== 'number' || (indexRank ?? 2) > 1)
    return [scatterBack(site)];
  const at = normaliseAxis(index, size);
  const slice = indexRank === 0 ? b.emit('Unsqueeze', [site.g, b.ints([axis])]) : site.g;
  return [padAxis(b, slice, axis, at, size - 1 - at)];
};

const gatherElements: Rule = (site) => {
  const axis = intAttribute(site.node, 'axis', 0);
  const zeros = zerosLike(site, site.x());
  return [site.b.emit('ScatterElements', [zeros, site.x(1), site.g], { axis, reduction: 'add' })];
};

/**
 * y = x with elements replaced by the updates, or with the updates added. What is replaced gets no cotangent, and the
 * updates get those of their places. (Where nothing is added, ONNX forbids repeated indices.)
 */
const scatter =
  (pick: (site: Site) => string): Rule =>
  (site) => {
    const { b, g, node } = site;
    const reduction = stringAttribute(node, 'reduction', 'none');
    if (reduction !== 'none' && reduction !== 'add') site.onlyIf('its reduction is "none" or "add"');
    const kept = () => {
      if (reduction === 'add') return g;
      const zeros = zerosLike(site, site.x(2));
      const axis = node.opType === 'ScatterElements' ? intAttribute(node, 'axis', 0) : undefined;
      return b.emit(node.opType, [g, site.x(1), zeros], { axis });
    };
    return [site.wants(0) ? kept() : undefined, undefined, site.wants(2) ? pick(site) : undefined];
  };

/** The values' cotangents go where the second output says they come from. */
const topK: Rule = (site) => {
  const indices = site.y(1);
  if (indices === '') return site.onlyIf('its second output, the indices, has a name');
  const axis = intAttribute(site.node, 'axis', -1);
  return [site.b.emit('ScatterElements', [zerosLike(site, site.x()), indices, site.g], { axis })];
};

export const indexingRules: RuleTable = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: (site) => [scatterBack(site)],
  Compress: (site) => [scatterBack(site)],
  ScatterElements: scatter((site) =>
    site.b.emit('GatherElements', [site.g, site.x(1)], { axis: intAttribute(site.node, 'axis', 0) }),
  ),
  ScatterND: scatter((site) => site.b.emit('GatherND', [site.g, site.x(1)])),
  TopK: topK,
};
