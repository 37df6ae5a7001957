import { resolve } from 'node:path';
import * as ort from 'onnxruntime-node';
import { buildDenoiserGraph, buildVjpGraph, guessPorts, openModelFile, headerOf, serializeModel } from '../../src/onnx';
import type { OnnxModel } from '../../src/onnx/model';
import { sessionOptions } from './memory';
import { medianRatio, pairedTimes } from './demo';

const count = 16;
const shape = [count, 1, 32, 32];
const steps = [1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.02, 0.04];

/**
 * Directional derivatives of the demo denoiser, D(x + h·v) − D(x) over h against the exact J·v. The exact one needs no
 * rule of its own: a VJP is linear in its cotangent, so the VJP of the VJP with respect to the cotangent is J·v.
 */
export async function benchTangents(): Promise<void> {
  const model = await openModelFile(resolve('media/demo/unet.onnx'));
  const ports = guessPorts(headerOf(model));
  const graph = buildDenoiserGraph(model, { ports, guidance: false, sampleShape: shape.slice(1) });
  const vjp = buildVjpGraph(graph, { inputs: ['x'], outputs: ['denoised'], cotangentName: () => 'cotangent' });
  const jvp = buildVjpGraph(vjp, {
    inputs: ['cotangent'],
    outputs: ['x_gradient'],
    cotangentName: () => 'tangent',
    gradientName: () => 'derivative',
  });
  // The inner gradient is linear in its cotangent: nothing of it has to run for the derivative.
  jvp.graph.output = jvp.graph.output.filter(({ name }) => name !== 'x_gradient');
  const [forward, exact] = [await open(graph), await open(jvp)];

  for (const sigma of [0.1, 1, 10]) {
    const x = normal(1).map((value) => value * Math.sqrt(sigma * sigma + 0.25));
    const v = normal(2);
    const size = rms(x);
    const at = async (h: number): Promise<Float32Array> =>
      (
        await forward(
          x.map((value, i) => value + h * size * v[i]!),
          sigma,
        )
      ).denoised!;
    const derivative = (await exact(x, sigma, v)).derivative!;
    const base = await at(0);
    console.log(`sigma ${sigma}: relative error of the derivative along one direction`);
    console.log('| step, share of the state | one-sided | central |');
    console.log('| --- | --- | --- |');
    for (const h of steps) {
      const [ahead, behind] = [await at(h), await at(-h)];
      const error = (other: Float32Array, distance: number): string => {
        const difference = derivative.map((value, i) => (ahead[i]! - other[i]!) / (distance * size) - value);
        return (rms(difference) / rms(derivative)).toExponential(1);
      };
      console.log(`| ${h} | ${error(base, h)} | ${error(behind, 2 * h)} |`);
    }
  }
  const x = normal(1);
  const [plain, forwardMode] = await pairedTimes(
    9,
    () => forward(x, 1),
    () => exact(x, 1, x),
  );
  console.log(
    `one exact derivative costs ${medianRatio(forwardMode!, plain!).toFixed(2)} evaluations, a one-sided difference 1, a central one 2.`,
  );
}

async function open(model: OnnxModel) {
  const session = await ort.InferenceSession.create(serializeModel(model), sessionOptions(1));
  const floats = (data: Float32Array, dims: readonly number[]) => new ort.Tensor('float32', data, dims);
  return async (x: Float32Array, sigma: number, tangent?: Float32Array): Promise<Record<string, Float32Array>> => {
    // The demo network is in EDM form: it denoises by itself, and its time is sigma.
    const scalar = (value: number) => floats(new Float32Array(count).fill(value), [count]);
    const feeds: Record<string, ort.Tensor> = {
      x: floats(x, shape),
      c_in: scalar(1),
      c_skip: scalar(0),
      c_out: scalar(1),
      t_net: scalar(sigma),
      class_labels: new ort.Tensor(
        'int64',
        BigInt64Array.from({ length: count }, (_, i) => BigInt(i % 10)),
        [count],
      ),
      cotangent: floats(new Float32Array(x.length), shape),
      ...(tangent && { tangent: floats(tangent, shape) }),
    };
    const results = await session.run(Object.fromEntries(session.inputNames.map((name) => [name, feeds[name]!])));
    return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data as Float32Array]));
  };
}

/** Box–Muller on a fixed sequence: the same values every time. */
function normal(seed: number): Float32Array {
  const uniform = (i: number) => (((Math.sin(i * 12.9898 + seed * 78.233) * 43758.5453) % 1) + 1) % 1;
  return Float32Array.from(
    { length: shape.reduce((product, size) => product * size, 1) },
    (_, i) => Math.sqrt(-2 * Math.log(uniform(2 * i) + 1e-12)) * Math.cos(2 * Math.PI * uniform(2 * i + 1)),
  );
}

function rms(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}
