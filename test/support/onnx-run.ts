import * as ort from 'onnxruntime-node';
import { expect } from 'vitest';
import { GraphBuilder } from '../../src/onnx/builder';
import { makePort } from '../../src/onnx/value-facts';
import type { Dim } from '../../src/onnx/dims';
import { DataType } from '../../src/onnx/dtype';
import { create } from '@bufbuild/protobuf';
import { GraphProtoSchema, ModelProtoSchema } from '../../src/onnx/generated/onnx_pb';
import { wrapModel, type OnnxModel } from '../../src/onnx/model';
import { buildVjpGraph } from '../../src/onnx/vjp';
import { serializeModel } from '../../src/onnx/write';

/** A tensor of test data; `data` is flat, row-major. */
export interface Values {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export const float32 = (shape: readonly number[], data: readonly number[]): Values => ({
  dtype: 'float32',
  shape,
  data,
});
export const int64 = (shape: readonly number[], data: readonly number[]): Values => ({ dtype: 'int64', shape, data });

export type Feeds = Readonly<Record<string, Values>>;

function toTensor({ dtype, shape, data }: Values): ort.Tensor {
  if (dtype === 'int64') return new ort.Tensor('int64', BigInt64Array.from(data, BigInt), shape);
  if (dtype === 'int32') return new ort.Tensor('int32', Int32Array.from(data), shape);
  if (dtype === 'bool') return new ort.Tensor('bool', Uint8Array.from(data), shape);
  if (dtype === 'float64') return new ort.Tensor('float64', Float64Array.from(data), shape);
  return new ort.Tensor('float32', Float32Array.from(data), shape);
}

/** Opens a model in ONNX Runtime on the CPU, with one thread. */
export async function openModel(model: OnnxModel) {
  const session = await ort.InferenceSession.create(serializeModel(model), {
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
    executionProviders: ['cpu'],
    extra: { optimization: { disable_specified_optimizers: 'CommonSubexpressionElimination' } },
  });
  return async (feeds: Feeds): Promise<Record<string, Values>> => {
    const fed = Object.fromEntries(session.inputNames.map((name) => [name, toTensor(feeds[name]!)]));
    const results = await session.run(fed);
    return Object.fromEntries(
      Object.entries(results).map(([name, tensor]) => [
        name,
        { dtype: tensor.type, shape: tensor.dims, data: Array.from(tensor.data as Float32Array, Number) },
      ]),
    );
  };
}

export async function runModel(model: OnnxModel, feeds: Feeds): Promise<Record<string, Values>> {
  return (await openModel(model))(feeds);
}

/** max |a − b| / max |b|; infinite when a is not finite or the shapes differ. */
export function relativeError(a: Values | undefined, b: Values): number {
  if (a === undefined || a.shape.join() !== b.shape.join() || a.data.some((value) => !Number.isFinite(value)))
    return Infinity;
  const worst = Math.max(...b.data.map((value, i) => Math.abs(value - (a.data[i] ?? NaN))));
  return worst / Math.max(...b.data.map(Math.abs), Number.MIN_VALUE);
}

/** A builder on an empty graph. */
export function emptyGraph(opset = 17): GraphBuilder {
  const graph = create(GraphProtoSchema, { name: 'test' });
  const proto = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: BigInt(opset) }],
    graph,
  });
  return new GraphBuilder(wrapModel(proto, 'test.onnx'));
}

const typeOf = (values: Values): DataType =>
  ({
    float32: DataType.FLOAT,
    float64: DataType.DOUBLE,
    int64: DataType.INT64,
    int32: DataType.INT32,
    bool: DataType.BOOL,
  })[values.dtype] ?? 0;

/**
 * A graph whose inputs are the given tensors.
 *
 * @param dynamic declare every dimension as unknown, so that rules cannot rely on static sizes
 * @param body emits nodes and returns the output
 */
export function graphOf(
  inputs: Feeds,
  body: (b: GraphBuilder) => string,
  { opset = 17, dynamic = false }: { opset?: number; dynamic?: boolean } = {},
): OnnxModel {
  const b = emptyGraph(opset);
  for (const [name, values] of Object.entries(inputs)) {
    b.addInput(name, typeOf(values), dynamic ? values.shape.map((): Dim => null) : values.shape);
  }
  b.alias(body(b), 'y');
  const { type, shape } = b.factsOf('y');
  b.addOutputPort(makePort('y', type || DataType.FLOAT, shape));
  return b.build('test.onnx');
}

/** Steps and tolerances of the differences, relative to Σ |gradient|, for both precisions. */
const precisions = {
  // Fourth order: the error is h⁴·f⁽⁵⁾/30 ≈ 1e-12 per unit of derivative, rounding 1e-16/h = 1e-13.
  float64: { step: 1e-3, tolerance: 1e-6 },
  // Rounding 1e-7/h = 1e-5 per output element, which add up; h⁴·f⁽⁵⁾/30 stays below 1e-3 for derivatives up to 1e5.
  float32: { step: 1e-2, tolerance: 2e-3 },
} as const;
type Precision = keyof typeof precisions;

/**
 * Checks the gradient rules of a small graph against central differences (fourth order, steps h and 2h) along one
 * direction of ±1 in all float inputs together: ⟨gradient, v⟩ against d/dh ⟨cotangent, f(x + h·v)⟩. In double where
 * ONNX Runtime has every operator of the graph and its gradient in double, else in float32. Kinks (of Relu, Abs, max)
 * must be further than 0.02 from the inputs; `spread` makes such values.
 *
 * @param feeds float32 tensors are differentiated, others are not
 * @param body emits nodes and returns the output; constants must take their type from a value (`b.scalar(1, 'x')`)
 * @returns the precision the check was made in
 */
export async function expectGradient(
  feeds: Feeds,
  body: (b: GraphBuilder) => string,
  options: { opset?: number; dynamic?: boolean } = {},
): Promise<Precision> {
  const wide = Object.fromEntries(
    Object.entries(feeds).map(([name, values]) => [
      name,
      values.dtype === 'float32' ? { ...values, dtype: 'float64' } : values,
    ]),
  );
  const inDouble = await openPair(graphOf(wide, body, options), wide).catch((error: unknown) => {
    if (
      error instanceof Error &&
      /NOT_IMPLEMENTED|Could not find an implementation|invalid type|Type Error|Type \(|not supported/i.test(
        error.message,
      )
    )
      return undefined;
    throw error;
  });
  if (inDouble) await compare(inDouble, wide, 'float64');
  else await compare(await openPair(graphOf(feeds, body, options), feeds), feeds, 'float32');
  return inDouble ? 'float64' : 'float32';
}

/** As `expectGradient`, for a ready graph in float32. */
export async function expectVjpMatchesDifferences(model: OnnxModel, feeds: Feeds): Promise<void> {
  await compare(await openPair(model, feeds), feeds, 'float32');
}

type Run = (feeds: Feeds) => Promise<Record<string, Values>>;

const differentiable = (feeds: Feeds): string[] =>
  Object.keys(feeds).filter((name) => feeds[name]!.dtype.startsWith('float'));

async function openPair(model: OnnxModel, feeds: Feeds): Promise<{ forward: Run; vjp: Run }> {
  const vjp = buildVjpGraph(model, { outputs: ['y'], inputs: differentiable(feeds) });
  return { forward: await openModel(model), vjp: await openModel(vjp) };
}

async function compare({ forward, vjp }: { forward: Run; vjp: Run }, feeds: Feeds, precision: Precision) {
  const { step, tolerance } = precisions[precision];
  const wrt = differentiable(feeds);
  const { y } = await forward(feeds);
  const cotangent = y!.data.map((_, i) => Math.cos(1.7 * i + 0.3));
  const sign = (name: string, i: number) => (Math.sin(12.9 * i + name.length * 3.1 + name.charCodeAt(0)) > 0 ? 1 : -1);
  const at = async (h: number): Promise<number> => {
    const moved = wrt.map((name) => {
      const values = feeds[name]!;
      return [name, { ...values, data: values.data.map((x, i) => x + h * sign(name, i)) }] as const;
    });
    const result = await forward({ ...feeds, ...Object.fromEntries(moved) });
    return result['y']!.data.reduce((sum, value, i) => sum + value * cotangent[i]!, 0);
  };
  const [p1, m1, p2, m2] = [await at(step), await at(-step), await at(2 * step), await at(-2 * step)];
  const expected = (8 * (p1 - m1) - (p2 - m2)) / (12 * step);
  const results = await vjp({ ...feeds, y_cotangent: { ...y!, data: cotangent } });
  let actual = 0;
  let scale = 0;
  for (const name of wrt) {
    const gradient = results[`${name}_gradient`]!;
    expect(gradient.shape).toEqual(feeds[name]!.shape);
    gradient.data.forEach((value, i) => {
      actual += value * sign(name, i);
      scale += Math.abs(value);
    });
  }
  expect(Math.abs(actual - expected)).toBeLessThan(tolerance * (scale + 1));
}

/**
 * Values that differ by at least 0.1 and keep 0.05 away from zero, in an order decided by the seed: far enough from the
 * kinks of Relu, Abs or max for differences with a step of 0.01. `from` shifts them to start there instead.
 */
export function spread(shape: readonly number[], seed: number, from?: number): Values {
  const count = shape.reduce((product, size) => product * size, 1);
  const order = Array.from({ length: count }, (_, i) => ({ i, key: Math.sin(seed * 7.31 + i * 113.7) * 1e4 }));
  order.sort((a, b) => (a.key % 1) - (b.key % 1));
  const start = from ?? -0.1 * Math.floor(count / 2) + 0.05;
  return float32(
    shape,
    order.map(({ i }) => start + 0.1 * i),
  );
}
