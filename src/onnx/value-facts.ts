import { create } from '@bufbuild/protobuf';
import { isStatic, type Dim, type Shape } from './dims';
import { DataType } from './dtype';
import { ValueInfoProtoSchema, type ValueInfoProto } from './generated/onnx_pb';
import { unknownFacts, type ValueFacts } from './shapes';

// What a file states about its values, and how that and what we work out go together.

/** A graph input or output; null for what is unknown. */
export function makePort(name: string, elemType: DataType, shape: Shape | null): ValueInfoProto {
  const dim = shape?.map((size) => ({
    value:
      typeof size === 'number'
        ? ({ case: 'dimValue', value: BigInt(size) } as const)
        : size === null
          ? ({ case: undefined } as const)
          : ({ case: 'dimParam', value: size } as const),
  }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: dim ? { elemType, shape: { dim } } : { elemType } } },
  });
}

/** The facts a file states about a value. */
export function declaredFacts(value: ValueInfoProto): ValueFacts {
  const type = value.type?.value;
  if (type?.case !== 'tensorType') return unknownFacts;
  const shape = type.value.shape?.dim.map(({ value: dim }): Dim => {
    // Some exporters write -1 for a size they do not know.
    if (dim.case === 'dimValue') return dim.value < 0n ? null : Number(dim.value);
    return dim.case === 'dimParam' && dim.value !== '' ? dim.value : null;
  });
  return { type: type.value.elemType, shape: shape ?? null };
}

/**
 * Facts that contradict themselves are none. Absurd attributes lead to absurd sizes (a stride of zero to infinity), and a
 * file may declare a shape that the elements worked out do not fit.
 */
export function soundFacts(facts: ValueFacts): ValueFacts {
  const { type, elements } = facts;
  const isSize = (dim: Dim): boolean => typeof dim !== 'number' || (Number.isSafeInteger(dim) && dim >= 0);
  const shape =
    facts.shape?.every(isSize) === false ? facts.shape.map((dim) => (isSize(dim) ? dim : null)) : facts.shape;
  const count = shape && isStatic(shape) ? shape.reduce((product, dim) => product * dim, 1) : undefined;
  const fits = elements === undefined || count === undefined || count === elements.length;
  return fits && shape === facts.shape ? facts : { type, shape, ...(fits && elements && { elements }) };
}

/** Our inference, completed by what the file declares. */
export function mergeFacts(inferred: ValueFacts, declared: ValueFacts | undefined): ValueFacts {
  if (declared === undefined) return inferred;
  const type = inferred.type === DataType.UNDEFINED ? declared.type : inferred.type;
  const shape =
    inferred.shape === null || declared.shape?.length !== inferred.shape.length
      ? (inferred.shape ?? declared.shape)
      : inferred.shape.map((dim, i) => dim ?? declared.shape?.[i] ?? null);
  return { ...inferred, type, shape };
}
