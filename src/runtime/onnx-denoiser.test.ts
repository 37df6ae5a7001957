import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { emptyGraph } from '../../test/support/onnx-run';
import { noiseSchedule } from '../diffusion';
import { guidanceRescale } from '../diffusion/guidance';
import { makePort } from '../onnx/value-facts';
import { guessPorts } from '../onnx/denoiser-graph';
import { DataType } from '../onnx/dtype';
import { readModelHeader } from '../onnx/header';
import type { OnnxModel } from '../onnx/model';
import { parseModel } from '../onnx/read';
import { serializeModel } from '../onnx/write';
import type { DenoiserBatch } from '../solvers/denoiser';
import { OnnxDenoiser } from './onnx-denoiser';
import type { OnnxDenoiserOptions } from './onnx-denoiser';
import { openSession } from './session';

const schedule = noiseSchedule({ type: 'edm', sigma_min: 0.002, sigma_max: 80 });

interface Tensor {
  readonly data: readonly number[];
}
interface Case {
  readonly inputs: { readonly x: Tensor; readonly sigma: Tensor };
  readonly outputs: { readonly denoised: Tensor };
  readonly cotangents: { readonly denoised: Tensor };
  readonly gradients: { readonly x: Tensor; readonly sigma: Tensor };
}
const gmm = parseModel(readFileSync('test/data/onnx/gmm_analytic.onnx'), 'gmm');
const { cases } = JSON.parse(readFileSync('test/data/onnx/gmm_analytic.json', 'utf8')) as { cases: Case[] };

function open(model: OnnxModel, changes: Partial<OnnxDenoiserOptions> = {}): Promise<OnnxDenoiser> {
  const options: OnnxDenoiserOptions = {
    model,
    ports: guessPorts(readModelHeader(serializeModel(model), 'test')),
    sharedTimestep: false,
    device: 'cpu',
    schedule,
    predictionType: 'sample',
    prediction: 'data',
    space: 've',
    sampleShape: [2],
    labels: [],
    guidanceScale: 1,
    unconditionalLabel: null,
    tensors: [],
    maxBatch: 64,
    ...changes,
  };
  return OnnxDenoiser.open(options, true);
}

function batchOf(states: readonly number[], times: readonly number[], conditions?: readonly number[]): DenoiserBatch {
  return {
    states: Float32Array.from(states),
    times: Float64Array.from(times),
    conditions: Int32Array.from(conditions ?? times.map(() => 0)),
  };
}

function expectClose(actual: ArrayLike<number>, expected: readonly number[], tolerance = 1e-3): void {
  expect(actual.length).toBe(expected.length);
  const scale = Math.max(...expected.map(Math.abs));
  expected.forEach((value, i) => expect(Math.abs(actual[i]! - value)).toBeLessThan(tolerance * scale));
}

describe('an exact denoiser with EDM times', () => {
  it.each(cases.map((_, i) => i))('gives stored values and gradients, case %i', async (index) => {
    const { inputs, outputs, cotangents, gradients } = cases[index]!;
    const batch = batchOf(inputs.x.data, inputs.sigma.data);
    const counts: number[] = [];
    const denoiser = await open(gmm, { onEvaluations: (count) => counts.push(count) });
    expectClose(await denoiser.evaluate(batch), outputs.denoised.data, 1e-4);
    const pulled = await denoiser.vjp!(batch, Float32Array.from(cotangents.denoised.data));
    expectClose(pulled.output, outputs.denoised.data, 1e-4);
    expectClose(pulled.gradStates, gradients.x.data);
    expectClose(pulled.gradTimes, gradients.sigma.data);
    const count = inputs.sigma.data.length;
    expect(counts).toEqual([count, 2 * count]);
    await denoiser.release();
  });

  it('does not depend on how many samples go through at once', async () => {
    const times = Array.from({ length: 7 }, (_, i) => 0.1 * 2 ** i);
    const batch = batchOf(
      times.flatMap((t, i) => [t * Math.cos(i), t * Math.sin(i)]),
      times,
    );
    const [whole, parts] = await Promise.all([open(gmm), open(gmm, { maxBatch: 3 })]);
    expectClose(await parts.evaluate(batch), Array.from(await whole.evaluate(batch)), 1e-6);
    const cotangent = batch.states.map((x) => Math.cos(x));
    const [a, b] = [await whole.vjp!(batch, cotangent), await parts.vjp!(batch, cotangent)];
    expectClose(b.gradStates, Array.from(a.gradStates), 1e-6);
    expectClose(b.gradTimes, Array.from(a.gradTimes), 1e-6);
  });

  it('stops between two runs when it is told to', async () => {
    const controller = new AbortController();
    const denoiser = await open(gmm, { maxBatch: 1, onEvaluations: () => controller.abort() });
    const batch = batchOf([1, 2, 3, 4], [1, 1]);
    await expect(denoiser.evaluate(batch, controller.signal)).rejects.toMatchObject({ name: 'AbortError' });
  });
});

/** F(x, t, y) = x + t + y, with one time for the whole batch; t of no dimensions. */
function sharedTime(): OnnxModel {
  const b = emptyGraph();
  b.addInput('x', DataType.FLOAT, ['batch', 2]);
  b.addInput('t', DataType.FLOAT, []);
  b.addInput('y', DataType.INT64, ['batch']);
  const label = b.reshape(b.emit('Cast', ['y'], { to: DataType.FLOAT }), [-1, 1]);
  b.alias(b.add(b.add('x', 't'), label), 'out');
  b.addOutputPort(makePort('out', DataType.FLOAT, ['batch', 2]));
  return b.build('shared');
}

describe('a network with one time for the whole batch', () => {
  const states = [0, 0, 10, 10, 20, 20, 30, 30];
  const times = [1, 2, 1, 2];

  it('gets samples of one time together, each with its own label', async () => {
    const counts: number[] = [];
    const denoiser = await open(sharedTime(), {
      sharedTimestep: true,
      labels: [1, 7, 9],
      onEvaluations: (count) => counts.push(count),
    });
    const out = await denoiser.evaluate(batchOf(states, times, [0, 1, 2, 0]));
    expect(Array.from(out)).toEqual([2, 2, 19, 19, 30, 30, 33, 33]);
    expect(counts).toEqual([2, 2]);
    const { gradTimes } = await denoiser.vjp!(batchOf(states, times, [0, 1, 2, 0]), new Float32Array(8).fill(1));
    // The derivative of each group arrives whole, at one of its samples.
    expect([gradTimes[0]! + gradTimes[2]!, gradTimes[1]! + gradTimes[3]!]).toEqual([4, 4]);
  });

  it('is guided by u + g·(c − u)', async () => {
    const denoiser = await open(sharedTime(), {
      sharedTimestep: true,
      labels: [4],
      guidanceScale: 3,
      unconditionalLabel: 1,
    });
    // (x + t + 1) + 3·3
    expect(Array.from(await denoiser.evaluate(batchOf(states.slice(0, 4), [1, 2])))).toEqual([11, 11, 22, 22]);
  });

  it('is guided at the noise levels of the interval alone', async () => {
    const denoiser = await open(sharedTime(), {
      sharedTimestep: true,
      labels: [4],
      guidanceScale: 3,
      guidanceInterval: { low: 1, high: 2 },
      unconditionalLabel: 1,
    });
    const batch = batchOf(states.slice(0, 6), [1, 2, 3]);
    // x + t + 4 outside; an EDM time is its noise level.
    expect(Array.from(await denoiser.evaluate(batch))).toEqual([5, 5, 22, 22, 27, 27]);
    expect(Array.from((await denoiser.vjp!(batch, new Float32Array(6).fill(1))).gradTimes)).toEqual([2, 2, 2]);
  });
});

it('rescales guidance by the deviations of each sample', async () => {
  const guided = { labels: [4], guidanceScale: 3, unconditionalLabel: 1, sharedTimestep: true };
  const denoiser = await open(growing(), { ...guided, guidanceRescale: 0.7 });
  const states = [1, 2, -3, 5];
  const out = await denoiser.evaluate(batchOf(states, [1, 2]));
  const expected = [0, 1].flatMap((i) => {
    const x = states.slice(2 * i, 2 * i + 2);
    const conditional = x.map((value) => 4 * value);
    const all = x.map((value) => value + 3 * (4 - 1) * value);
    const factor = guidanceRescale(conditional, all, 0.7);
    return all.map((value) => factor * value);
  });
  expectClose(out, expected, 1e-6);
  // Outside the interval nothing is left to rescale.
  const outside = await open(growing(), { ...guided, guidanceRescale: 0.7, guidanceInterval: { low: 5, high: 6 } });
  expectClose(
    await outside.evaluate(batchOf(states, [1, 2])),
    states.map((x) => 4 * x),
    1e-6,
  );
});

/** F(x, t, y) = y·x */
function growing(): OnnxModel {
  const b = emptyGraph();
  b.addInput('x', DataType.FLOAT, ['batch', 2]);
  b.addInput('t', DataType.FLOAT, []);
  b.addInput('y', DataType.INT64, ['batch']);
  const label = b.reshape(b.emit('Cast', ['y'], { to: DataType.FLOAT }), [-1, 1]);
  b.alias(b.mul('x', label), 'out');
  b.addOutputPort(makePort('out', DataType.FLOAT, ['batch', 2]));
  return b.build('growing');
}

/** F(x, t, c) = x + m(c) with the mean m of a row; the input of the row has a name of the shell, and a fixed type. */
function conditioned(name: string, type: DataType): OnnxModel {
  const b = emptyGraph();
  b.addInput('sample', DataType.FLOAT, ['batch', 2]);
  b.addInput('t', DataType.FLOAT, ['batch']);
  b.addInput(name, type, ['batch', 3]);
  const row = b.emit('Cast', [name], { to: DataType.FLOAT });
  b.alias(b.add('sample', b.emit('ReduceMean', [row, b.ints([1])], { keepdims: 1 })), 'out');
  b.addOutputPort(makePort('out', DataType.FLOAT, ['batch', 2]));
  return b.build('conditioned');
}

describe('a network with an input for tensors', () => {
  const rows = Float32Array.of(1, 2, 3, 4, 8, 12);
  it.each([
    ['states', DataType.FLOAT],
    ['class_labels', DataType.INT64],
    ['x', DataType.FLOAT16],
  ])('gets the row of each condition: %s', async (name, type) => {
    const model = conditioned(name, type);
    const ports = { sample: 'sample', timestep: 't', output: 'out' };
    const tensor = { input: name, shape: [3], rows, unconditional: null };
    const batch = batchOf([0, 0, 10, 10, 20, 20], [1, 1, 1], [1, 0, 1]);
    const denoiser = await open(model, { ports, tensors: [tensor], maxBatch: 2 });
    expect(Array.from(await denoiser.evaluate(batch))).toEqual([8, 8, 12, 12, 28, 28]);
    const guided = { ports, guidanceScale: 3 };
    // u + 3·(c − u) with the mean u of the other branch: 1 for all, or 0 and 5.
    const one = await open(model, { ...guided, tensors: [{ ...tensor, unconditional: Float32Array.of(1, 1, 1) }] });
    expect(Array.from(await one.evaluate(batch))).toEqual([22, 22, 14, 14, 42, 42]);
    const each = Float32Array.of(0, 0, 0, 5, 5, 5);
    const own = await open(model, { ...guided, tensors: [{ ...tensor, unconditional: each }] });
    expect(Array.from(await own.evaluate(batch))).toEqual([14, 14, 16, 16, 34, 34]);
    expect((await own.vjp!(batch, new Float32Array(6).fill(1))).gradStates).toEqual(new Float32Array(6).fill(1));
  });
});

describe('a session', () => {
  it('says in one sentence what ONNX Runtime refused', async () => {
    await expect(openSession(Uint8Array.of(1, 2, 3), 'cpu', 'the test graph')).rejects.toMatchObject({
      name: 'SessionError',
      stage: 'load',
      message: expect.stringMatching(/^ONNX Runtime cannot load the test graph on cpu: [^\n]*[^.]\.$/) as string,
    });
  });

  it('says in one sentence what failed while running', async () => {
    const session = await openSession(serializeModel(gmm), 'cpu', 'the test graph');
    await expect(session.run({})).rejects.toMatchObject({
      name: 'SessionError',
      stage: 'run',
      message: expect.stringMatching(
        /^ONNX Runtime failed while running the test graph on cpu: [^\n]*[^.]\.$/,
      ) as string,
    });
    await session.release();
  });
});
