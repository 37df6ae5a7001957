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

/** Tracing exporters compare sizes with -1 on the way to an `Expand`; a symbolic size is never negative. */
export const equal: Infer = (_node, inputs) => {
  const [result = unknownFacts] = broadcast(() => DataType.BOOL)(_node, inputs, 0);
  return [
    {
      ...result,
      ...followElements(inputs, ([a = null, b = null]) => {
        if (typeof a === 'number' && typeof b === 'number') return Number(a === b);
        const number = typeof a === 'number' ? a : b;
        return typeof number === 'number' && number < 0 && a !== null && b !== null ? 0 : null;
      }),
    },
  ];
};

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
  const truncated = isFloat(type)
    ? elements
    : elements?.map((dim) => (typeof dim === 'number' ? Math.trunc(dim) : dim));
  return facts(type, shape, truncated);
};
