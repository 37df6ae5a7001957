import { intAttribute } from '../attributes';
import { broadcastShapes, divideDims, type Dim, type Shape } from '../dims';
import { DataType, isFloat } from '../dtype';
import { facts, first, unknownFacts, type Infer, type Inputs, type ValueFacts } from './facts';

// Elementwise operators: shapes broadcast, and integer vectors are followed element by element.

export const sameAsFirst: Infer = (_node, inputs) => facts(first(inputs).type, first(inputs).shape);

export const booleanLikeFirst: Infer = (_node, inputs) => facts(DataType.BOOL, first(inputs).shape);

export function broadcast(type: (inputs: Inputs) => DataType): Infer {
  return (_node, inputs) => {
    let shape: Shape | null = [];
    for (const input of inputs) shape = shape && input.shape && broadcastShapes(shape, input.shape);
    return facts(type(inputs), shape);
  };
}

/** Elements of an elementwise result of vectors whose elements are known. */
function followElements(inputs: Inputs, combine: (elements: readonly Dim[]) => Dim): Pick<ValueFacts, 'elements'> {
  const lists = inputs.map((input) => ((input.shape?.length ?? 2) <= 1 ? input.elements : undefined));
  if (lists.some((list) => list === undefined)) return {};
  const length = Math.max(...lists.map((list) => list?.length ?? 0));
  const at = (list: readonly Dim[] | undefined, i: number): Dim => list?.[list.length === 1 ? 0 : i] ?? null;
  return { elements: Array.from({ length }, (_, i) => combine(lists.map((list) => at(list, i)))) };
}

/** Sizes are positive, so integer division of sizes is only followed where it is exact or constant. */
export const quotient = (a: Dim, b: Dim): Dim =>
  typeof a === 'number' && typeof b === 'number' && b !== 0 ? Math.trunc(a / b) : divideDims(a, b);

/** Elementwise arithmetic of integers, which also follows sizes. */
export function arithmetic(combine: (a: Dim, b: Dim) => Dim): Infer {
  const plain = broadcast((inputs) => first(inputs).type);
  return (node, inputs, opset) => {
    const [result = unknownFacts] = plain(node, inputs, opset);
    if (isFloat(result.type)) return [result];
    return [{ ...result, ...followElements(inputs, ([a = null, b = null]) => combine(a, b)) }];
  };
}

/** `Math.max` or `Math.min` of integers; a size, which is never below 0, is followed past bounds that it cannot cross. */
export function extremum(pick: (...values: number[]) => number): Infer {
  const plain = broadcast((inputs) => first(inputs).type);
  const combine = (elements: readonly Dim[]): Dim => {
    const numbers = elements.filter((element) => typeof element === 'number');
    const [size, ...others] = new Set(elements.filter((element) => typeof element !== 'number'));
    if (size === undefined) return pick(...numbers);
    if (size === null || others.length > 0) return null;
    if (numbers.length === 0) return size;
    const bound = pick(...numbers);
    return bound > 0 ? null : pick(bound, 1) === 1 ? size : bound;
  };
  return (node, inputs, opset) => {
    const [result = unknownFacts] = plain(node, inputs, opset);
    return [isFloat(result.type) ? result : { ...result, ...followElements(inputs, combine) }];
  };
}

/**
 * Comparisons of integers and sizes. A symbolic size is any number from 0 on; where all of them compare alike the result is
 * known (tracing exporters compare sizes with -1 on the way to an `Expand`). Equal symbols are equal sizes.
 */
export function comparison(compare: (a: number, b: number) => boolean): Infer {
  return logic(([a = null, b = null]) => {
    if (a === null || b === null) return null;
    if (a === b) return Number(compare(0, 0));
    if (typeof a === 'number' && typeof b === 'number') return Number(compare(a, b));
    const bound = typeof a === 'number' ? a : typeof b === 'number' ? b : NaN;
    const sizes = [0, bound - 1, bound, bound + 1].filter((size) => size >= 0);
    const results = new Set(
      sizes.map((size) => (typeof a === 'number' ? compare(a, size) : typeof b === 'number' ? compare(size, b) : null)),
    );
    const [result = null] = results;
    return results.size === 1 && result !== null ? Number(result) : null;
  });
}

/** Operators with a boolean result, followed element by element (1 is true). */
export function logic(combine: (elements: readonly Dim[]) => Dim): Infer {
  const plain = broadcast(() => DataType.BOOL);
  return (node, inputs, opset) => [
    { ...(plain(node, inputs, opset)[0] ?? unknownFacts), ...followElements(inputs, combine) },
  ];
}

export const and = logic((elements) =>
  elements.includes(0) ? 0 : elements.every((element) => element === 1) ? 1 : null,
);

export const or = logic((elements) =>
  elements.includes(1) ? 1 : elements.every((element) => element === 0) ? 0 : null,
);

export const not = logic(([element = null]) => (typeof element === 'number' ? Number(element === 0) : null));

export const where: Infer = (node, inputs, opset) => {
  const [result = unknownFacts] = broadcast((all) => all[1]?.type ?? DataType.UNDEFINED)(node, inputs, opset);
  return [
    {
      ...result,
      ...followElements(inputs, ([condition = null, a = null, b = null]) => {
        if (typeof condition !== 'number') return a === b ? a : null;
        return condition ? a : b;
      }),
    },
  ];
};

export const cast: Infer = (node, inputs) => {
  const { shape, elements } = first(inputs);
  const type = intAttribute(node, 'to', 0);
  const convert = (dim: Dim): Dim => {
    if (type === DataType.BOOL) return typeof dim === 'number' ? Number(dim !== 0) : null;
    return typeof dim === 'number' && !isFloat(type) ? Math.trunc(dim) : dim;
  };
  return facts(type, shape, elements?.map(convert));
};

/** The integers' type is that of the zero point, of an attribute, or uint8. */
export const quantize: Infer = (node, inputs) => {
  const stated = inputs[2]?.type || intAttribute(node, 'output_dtype', DataType.UINT8);
  return facts(stated || DataType.UINT8, first(inputs).shape);
};

export const dequantize: Infer = (node, inputs) =>
  facts(intAttribute(node, 'output_dtype', 0) || (inputs[1]?.type ?? DataType.UNDEFINED), first(inputs).shape);
