import { copyFileSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { runJob } from '../../src/jobs/run';
import type { RunOutcome } from '../../src/jobs/run';
import { parseLoggedEvent } from '../../src/protocol';
import type { JobOrder, LoggedEvent, RunEventKind } from '../../src/protocol';

/** The parts of a solver.yaml that tests vary. Few steps and noises: a run takes a second. */
export interface TinyConfig {
  readonly model?: string;
  readonly schedule?: string;
  readonly student?: string;
  readonly training?: string;
  readonly teacher?: string;
  readonly evaluation?: string;
  readonly objective?: string;
  readonly preview?: string;
  readonly device?: string;
}

const gmm = 'test/data/onnx/gmm_analytic.onnx';

/** An exact denoiser of a mixture in the plane, EDM schedule. */
export function tinyYaml(config: TinyConfig = {}): string {
  return `version: 1
model:
  path: ${config.model ?? './gmm.onnx'}
  prediction_type: sample
  noise_schedule: { ${config.schedule ?? 'type: edm, sigma_min: 0.01, sigma_max: 20'} }
  sample_shape: [2]
teacher: { ${config.teacher ?? 'num_inference_steps: 12'} }
student: { ${config.student ?? 'method: table, num_inference_steps: 3'} }
training: { samples: 24, validation_samples: 24, seed: 7, ${config.training ?? 'iterations: 4'} }
objective: { ${config.objective ?? ''} }
evaluation: { ${config.evaluation ?? 'samples: 24'} }
preview: { ${config.preview ?? 'samples: 9'} }
device: ${config.device ?? 'cpu'}
output: ./runs
`;
}

/** A folder with a model and its solver.yaml, and ways to run it. */
export class TinyProject {
  readonly folder = mkdtempSync(join(tmpdir(), 's4s-jobs-'));
  readonly yaml = join(this.folder, 'solver.yaml');
  readonly model = join(this.folder, 'gmm.onnx');

  constructor(config: TinyConfig = {}) {
    copyFileSync(gmm, this.model);
    this.write(config);
  }

  write(config: TinyConfig): void {
    writeFileSync(this.yaml, tinyYaml(config));
  }

  order(name: string, order: Partial<JobOrder> = {}): JobOrder {
    return {
      task: 'learn',
      configPath: this.yaml,
      runDir: join(this.folder, 'runs', name),
      resume: false,
      ...order,
    };
  }

  /** One run in this process. `onEvent` may abort it. */
  run(
    name: string,
    order: Partial<JobOrder> = {},
    onEvent: (event: LoggedEvent) => void = () => {},
    signal = new AbortController().signal,
  ): Promise<RunOutcome> {
    return runJob(this.order(name, order), onEvent, signal);
  }

  /** Runs until `when` says so, and stops it there. */
  async runUntil(name: string, when: (event: LoggedEvent) => boolean): Promise<RunOutcome> {
    const controller = new AbortController();
    const onEvent = (event: LoggedEvent): void => {
      if (when(event)) controller.abort();
    };
    return this.run(name, {}, onEvent, controller.signal);
  }

  path(name: string, file: string): string {
    return join(this.folder, 'runs', name, file);
  }

  read(name: string, file: string): string {
    return readFileSync(this.path(name, file), 'utf8');
  }

  has(name: string, file: string): boolean {
    return existsSync(this.path(name, file));
  }

  events(name: string): LoggedEvent[] {
    return readEvents(this.path(name, 'events.jsonl'));
  }

  /** solver.json without what differs between equal runs. */
  solver(name: string): string {
    return withoutIds(this.read(name, 'solver.json'));
  }
}

/** Every line of a log; a line that cannot be read fails the test. */
export function readEvents(path: string): LoggedEvent[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  expect(lines.pop()).toBe('');
  return lines.map((line) => {
    const event = parseLoggedEvent(line);
    if (!event) throw new Error(`Not an event: ${line}`);
    return event;
  });
}

export function withoutIds(solverJson: string): string {
  const text = solverJson.replace(/^ {2}"(created_at|run_id)": .*\n/gm, '');
  expect(solverJson.split('\n').length - text.split('\n').length).toBe(2);
  return text;
}

export function ofKind<Kind extends RunEventKind>(
  events: readonly LoggedEvent[],
  kind: Kind,
): Extract<LoggedEvent, { kind: Kind }>[] {
  return events.filter((event): event is Extract<LoggedEvent, { kind: Kind }> => event.kind === kind);
}

/** One sentence (or two) for a person: no stack, no object, a full stop at the end. */
export function expectSentence(message: string): void {
  expect(message).not.toMatch(/\n|\[object|undefined|^\s*at /);
  expect(message).toMatch(/^[\w/].*[.)]$/);
}
