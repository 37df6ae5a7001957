import type { Dim, Shape } from '../dims';
import { DataType } from '../dtype';
import type { NodeProto, SparseTensorProto, TensorProto } from '../generated/onnx_pb';
import { decodeSmall } from '../tensors';

/** What is known of a value before the graph runs. */
export interface ValueFacts {
  /** `UNDEFINED` when unknown. */
  readonly type: DataType;
  /** null when the rank is unknown */
  readonly shape: Shape | null;
  /**
   * The elements, where they are constants or sizes (a `Shape` of a value with a dynamic batch gives
   * `['batch', 3, 8, 8]`). Exporters compute most reshape targets in the graph, and this follows them.
   */
  readonly elements?: readonly Dim[];
}

export const unknownFacts: ValueFacts = { type: DataType.UNDEFINED, shape: null };

export function tensorFacts(tensor: TensorProto): ValueFacts {
  const elements = decodeSmall(tensor);
  return { type: tensor.dataType, shape: tensor.dims.map(Number), ...(elements && { elements }) };
}

/** A dense tensor of which the file stores the elements that are not zero. */
export function sparseFacts({ values, dims }: SparseTensorProto): ValueFacts {
  return { type: values?.dataType ?? DataType.UNDEFINED, shape: dims.map(Number) };
}

/** The elements as numbers, when all are. */
export function constantElements(facts: ValueFacts): number[] | undefined {
  return facts.elements?.every((element) => typeof element === 'number') ? [...facts.elements] : undefined;
}

export type Inputs = readonly ValueFacts[];

export type Infer = (node: NodeProto, inputs: Inputs, opset: number) => ValueFacts[];

export const first = (inputs: Inputs): ValueFacts => inputs[0] ?? unknownFacts;

export const shapeOf = (inputs: Inputs, i: number): Shape | null => inputs[i]?.shape ?? null;

export const constant = (inputs: Inputs, i: number): number[] | undefined => inputs[i] && constantElements(inputs[i]);

/** Longer vectors are not followed: no shape has so many entries, and a `Concat` with itself doubles them. */
const mostElements = 4096;

export const facts = (type: DataType, shape: Shape | null, elements?: readonly Dim[]): ValueFacts[] => [
  { type, shape, ...(elements && elements.length <= mostElements && { elements }) },
];

/** Dimensions of a value of which only the rank is known; ONNX Runtime's own limit is lower. */
export const unknownDims = (rank: Dim | undefined): Dim[] | null =>
  typeof rank === 'number' && rank <= 64 ? Array.from({ length: rank }, () => null) : null;

/** A static shape as numbers. */
export const numbers = (shape: Shape | undefined): number[] | undefined =>
  shape?.every((dim) => typeof dim === 'number') ? [...shape] : undefined;
