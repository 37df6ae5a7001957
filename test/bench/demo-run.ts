import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { runJob } from '../../src/jobs/run';
import type { LoggedEvent } from '../../src/protocol';

/** The whole demo run from an empty cache: phases in seconds, evaluations a second, and what came out. */
export async function benchDemoRun(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 's4s-bench-'));
  const events: LoggedEvent[] = [];
  const order = {
    task: 'learn',
    configPath: resolve('media/demo/solver.yaml'),
    runDir: join(folder, 'run'),
    resume: false,
  } as const;
  const start = Date.now();
  const { message } = await runJob(order, (event) => events.push(event), new AbortController().signal);
  const phases = new Map<string, number>();
  let last = start;
  let phase = 'open';
  for (const event of events) {
    phases.set(phase, (phases.get(phase) ?? 0) + event.at - last);
    last = event.at;
    if (event.kind === 'progress') phase = event.phase;
  }
  console.log('| phase | seconds |');
  console.log('| --- | --- |');
  for (const [name, ms] of phases) console.log(`| ${name} | ${(ms / 1000).toFixed(1)} |`);
  console.log(`| all | ${((Date.now() - start) / 1000).toFixed(1)} |`);
  console.log(`\n${message}`);
  rmSync(folder, { recursive: true, force: true });
}
