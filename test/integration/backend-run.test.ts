import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { methods } from '../../src/protocol';
import type { LoggedEvent, RunInfo, RunReport } from '../../src/protocol';
import { BackendClient } from './backend-client';

// The built backend and the built job, with a real (tiny) model: what the extension does, without an editor.

const config = (iterations: number): string => `version: 1
model:
  path: ./gmm.onnx
  prediction_type: sample
  noise_schedule: { type: edm, sigma_min: 0.01, sigma_max: 20 }
  sample_shape: [2]
teacher: { solver: unipc, order: 3, num_inference_steps: 30, timestep_spacing: logsnr }
student: { method: s4s, order: 3, num_inference_steps: 5, init: { solver: dpmpp, order: 3, timestep_spacing: logsnr } }
objective: { relax_radius: 0 }
training: { samples: 64, validation_samples: 32, optimizer: adam, learning_rate: 0.002, iterations: ${iterations}, budget: { minutes: 3 } }
evaluation: { samples: 64 }
preview: { samples: 4 }
device: cpu
output: ./runs
`;
const quick = 20;
/** Long enough to be stopped on the way on any machine; a resumed run is allowed to be shortened by early stopping. */
const long = 20_000;

let folder: string;
let uri: string;
let client: BackendClient;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 's4s-run-'));
  copyFileSync('test/data/backend/gmm.onnx', join(folder, 'gmm.onnx'));
  uri = pathToFileURL(join(folder, 'solver.yaml')).href;
  client = await BackendClient.start({});
});

afterEach(async () => {
  await client.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function start(iterations: number): Promise<RunInfo> {
  writeFileSync(join(folder, 'solver.yaml'), config(iterations));
  return client.request<RunInfo>(methods.startRun, { uri, task: 'learn' });
}

const eventsOf = (runDir: string): LoggedEvent[] =>
  client.events.filter((params) => params.runDir === runDir).map((params) => params.event);

const checkpointed = (runDir: string, after = -1): Promise<LoggedEvent> =>
  client.until('a checkpoint', () =>
    eventsOf(runDir).find((event) => event.kind === 'checkpoint' && event.seq > after),
  );

describe('a run under the backend', () => {
  test('is started, streamed to its end, and can be replayed', async () => {
    await client.open(uri, config(quick));
    expect(await client.diagnostics(uri)).toEqual([]);
    const { runDir } = await start(quick);
    const done = await client.runState('done');
    expect(done.runDir).toBe(runDir);
    const events = eventsOf(runDir);
    expect(events.map((event) => event.seq)).toEqual(events.map((_, i) => i));
    expect(events[0]!.kind).toBe('run-started');
    const last = events.at(-1)!;
    expect(last).toMatchObject({ kind: 'finished', status: 'done' });
    const report = JSON.parse(readFileSync(join(runDir, 'report.json'), 'utf8')) as RunReport;
    expect(last).toMatchObject({ report });
    expect(existsSync(join(runDir, 'solver.json'))).toBe(true);
    expect(await client.request(methods.replay, { runDir, fromSeq: 3 })).toEqual(events.slice(3));
  });

  test('is stopped with its best table kept, then resumed', async () => {
    const { runDir } = await start(long);
    await checkpointed(runDir);
    const stopped = await client.request<RunInfo>(methods.stopRun, { runDir });
    expect(stopped).toMatchObject({ state: 'cancelled', resumable: true });
    const seen = eventsOf(runDir).at(-1)!;
    expect(seen).toMatchObject({ kind: 'finished', status: 'cancelled' });
    await client.request(methods.resumeRun, { runDir });
    await checkpointed(runDir, seen.seq);
    const resumed = eventsOf(runDir).filter((event) => event.seq > seen.seq);
    expect(resumed[0]).toMatchObject({ kind: 'run-started', resumed: true });
    // It goes on where it was: no iteration is done twice, no classic solver measured again.
    const steps = (events: readonly LoggedEvent[]): number[] =>
      events.flatMap((event) => (event.kind === 'step' ? [event.iteration] : []));
    const before = steps(eventsOf(runDir).filter((event) => event.seq <= seen.seq));
    expect(steps(resumed)[0]).toBeLessThanOrEqual(before.at(-1)! + 1);
    expect(steps(resumed)[0]).toBeGreaterThan(1);
    expect(resumed.some((event) => event.kind === 'baseline')).toBe(false);
    await client.request(methods.stopRun, { runDir });
  });

  test('whose job is killed leaves diagnostics alive and is resumed', async () => {
    const { runDir, pid } = await start(long);
    await checkpointed(runDir);
    process.kill(pid!, 'SIGKILL');
    const crashed = await client.runState('crashed');
    expect(crashed.resumable).toBe(true);
    expect(crashed.message).not.toBe('');

    await client.open(uri, config(quick).replace('version: 1', 'version: 2'));
    expect(await client.diagnostics(uri)).toHaveLength(1);

    const seen = eventsOf(runDir).at(-1)!.seq;
    await client.request(methods.resumeRun, { runDir });
    await checkpointed(runDir, seen);
    const stopped = await client.request<RunInfo>(methods.stopRun, { runDir });
    expect(stopped.state).toBe('cancelled');
    const log = await client.request<LoggedEvent[]>(methods.replay, { runDir, fromSeq: 0 });
    expect(log.map((event) => event.seq)).toEqual(log.map((_, i) => i));
  });
});
