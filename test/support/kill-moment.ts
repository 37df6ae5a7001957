import fs from 'node:fs';
import promises from 'node:fs/promises';
import { createRequire } from 'node:module';
import type * as Ort from 'onnxruntime-node';
import { parseLoggedEvent } from '../../src/protocol';

// Loaded into the built program before it starts (`node --require`). It counts the runs of networks, and kills the
// process where a test wants it: on a slow machine and on a fast one at the same place.

/** What the process is doing when it is killed. */
export type Doing =
  /** A network runs. */
  | 'compute'
  /** Half a line is in the log. */
  | 'log'
  /** Half of a file is in its temporary file. */
  | 'write'
  /** A file has just been replaced; nothing tells of it yet. */
  | 'replaced';

export interface Moment {
  /** Waits for the first of these messages of a `progress` event, … */
  readonly after: readonly string[];
  /** … for so many runs of a network after it, … */
  readonly runs: number;
  /** … and for the next time that the process does this, … */
  readonly doing: Doing;
  /** … with a file whose path contains this. */
  readonly file: string;
}

/** What the process did: the messages of its progress, and how often networks ran after each. */
export type Trace = { readonly phase: string; readonly message: string; runs: number }[];

export interface KillOrder {
  /** Where the trace goes when the process ends by itself. */
  readonly traceFile: string;
  readonly moment: Moment | null;
}

const { traceFile, moment } = JSON.parse(process.env['S4S_TEST_KILL']!) as KillOrder;
const after = new Set(moment?.after);
const trace: Trace = [];
let runsLeft = Infinity;

const isTime = (doing: Doing, file = ''): boolean =>
  runsLeft <= 0 && moment?.doing === doing && file.includes(moment.file);

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

// Time passes by runs of networks, so that what happens every few seconds happens at the same places, too.
let now = Date.now();
Date.now = () => now;
const msPerRun = 25;

function ran(): void {
  now += msPerRun;
  runsLeft -= 1;
  const current = trace.at(-1);
  if (current) current.runs += 1;
}

function logged(line: string): void {
  const event = parseLoggedEvent(line);
  if (event?.kind !== 'progress' || trace.some(({ message }) => message === event.message)) return;
  trace.push({ phase: event.phase, message: event.message, runs: 0 });
  if (moment && runsLeft === Infinity && after.has(event.message)) runsLeft = moment.runs;
}

const { appendFileSync } = fs;
const { open, rename } = promises;
Object.assign(fs, {
  appendFileSync: (path: string, text: string) => {
    if (isTime('log', path)) {
      appendFileSync(path, text.slice(0, text.length / 2));
      die();
    }
    appendFileSync(path, text);
    logged(text);
  },
});
Object.assign(promises, {
  open: async (path: string, flags: string) => {
    const file = await open(path, flags);
    const writeFile = file.writeFile.bind(file);
    file.writeFile = async (content: string | Uint8Array) => {
      if (isTime('write', path)) {
        await writeFile(content.slice(0, content.length / 2));
        die();
      }
      await writeFile(content);
    };
    return file;
  },
  rename: async (from: string, to: string) => {
    await rename(from, to);
    if (isTime('replaced', to)) die();
  },
});

const ort = createRequire(process.argv[1]!)('onnxruntime-node') as typeof Ort;
const create = ort.InferenceSession.create.bind(ort.InferenceSession) as (
  ...args: unknown[]
) => Promise<Ort.InferenceSession>;
Object.assign(ort.InferenceSession, {
  create: async (...args: unknown[]) => {
    const session = await create(...args);
    const run = session.run.bind(session) as (...args: unknown[]) => Promise<unknown>;
    return Object.assign(session, {
      run: async (...args: unknown[]) => {
        const running = run(...args);
        if (isTime('compute')) die();
        const results = await running;
        ran();
        return results;
      },
    });
  },
});

process.on('exit', () => fs.writeFileSync(traceFile, JSON.stringify(trace)));
