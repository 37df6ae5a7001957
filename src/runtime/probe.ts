import { probeModel } from '../onnx/probe-model';
import { serializeModel } from '../onnx/write';
import type { Device } from './device-name';
import { floatTensor, openSession, sentence } from './session';

export type ProbeResult =
  | { readonly works: true; /** Time of a run relative to the CPU's. */ readonly slowdown: number }
  | { readonly works: false; /** One sentence. */ readonly problem: string };

const runs = 5;
const tolerance = 1e-2;

/** Runs the probe network on a device and on the CPU and compares values and time. */
export async function probeDevice(device: Exclude<Device, 'auto' | 'cpu'>): Promise<ProbeResult> {
  try {
    const wanted = await timedRun('cpu');
    const got = await timedRun(device);
    const scale = Math.max(...wanted.values.map(Math.abs));
    const error = Math.max(...wanted.values.map((value, i) => Math.abs(value - (got.values[i] ?? NaN)))) / scale;
    // False for NaN, too.
    if (error <= tolerance) return { works: true, slowdown: got.ms / wanted.ms };
    return {
      works: false,
      problem: `it computes a small test network wrongly (relative error ${error.toPrecision(2)}).`,
    };
  } catch (error) {
    return { works: false, problem: sentence(error) };
  }
}

/** Median time of several runs after a warm-up. */
async function timedRun(device: Exclude<Device, 'auto'>): Promise<{ values: Float32Array; ms: number }> {
  const session = await openSession(serializeModel(probeModel()), device, 'the probe network');
  try {
    const x = Float32Array.from({ length: 16 * 32 * 32 }, (_, i) => Math.sin(0.7 * i));
    const run = async (): Promise<Float32Array> => (await session.run({ x: floatTensor(x, [1, 16, 32, 32]) })).y!;
    const values = await run();
    const times: number[] = [];
    for (let i = 0; i < runs; i++) {
      const start = performance.now();
      await run();
      times.push(performance.now() - start);
    }
    return { values, ms: times.sort((a, b) => a - b)[Math.floor(runs / 2)]! };
  } finally {
    await session.release();
  }
}
