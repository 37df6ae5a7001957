import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LoggedEvent } from '../../src/protocol';
import type { Doing, KillOrder, Moment, Trace } from '../support/kill-moment';
import { ofKind, TinyProject } from '../support/tiny-run';
import type { TinyConfig } from '../support/tiny-run';

const bundle = resolve('dist/cli.js');

/** In which phase the run is killed at random, and what it does then, with which file. */
type Death = readonly [phase: string, doing: Doing, file?: string];

/** Ten a run: in every phase, in the middle of runs, lines and files. */
const deaths: readonly Death[] = [
  ['teacher', 'compute'],
  ['teacher', 'write', '.teacher-cache'],
  ['baselines', 'compute'],
  ['baselines', 'log'],
  ['learn', 'compute'],
  ['learn', 'log'],
  ['learn', 'write', 'checkpoint.json'],
  ['learn', 'replaced', 'checkpoint.json'],
  ['evaluate', 'compute'],
  ['evaluate', 'write'],
];

interface Case {
  readonly seed: number;
  readonly config: TinyConfig;
  readonly deaths: readonly Death[];
}

const cases: Record<string, Case> = {
  'Gauss–Newton, two solvers, two seeds': {
    seed: 1,
    config: {
      student: 'method: table, num_inference_steps: [3, 4]',
      training: 'optimizer: gauss_newton, iterations: 6, seeds: 2, budget: { minutes: 1000 }',
      objective: 'relax_radius: 0.1',
    },
    deaths,
  },
  'Adam with an average, blocks in turns, the path counts': {
    seed: 2,
    config: {
      student: 'method: s4s-alt, order: 2, num_inference_steps: 3',
      training: 'optimizer: adam, iterations: 60, learning_rate: 0.02, ema: 0.9, budget: { minutes: 1000 }',
      objective: 'relax_radius: 0.1, trajectory_weight: 0.5',
    },
    deaths: deaths.filter(([phase, doing]) => phase === 'learn' || phase === 'evaluate' || doing === 'write'),
  },
};

let tiny: TinyProject;
let preload: string;
beforeAll(() => {
  if (!existsSync(bundle)) throw new Error(`${bundle} is missing: run node tools/build.mjs first.`);
});
afterEach(() => {
  rmSync(tiny.folder, { recursive: true, force: true });
});

/** The built `s4s learn` to its end or to its death; resolves to true when it was killed. */
function learn(args: readonly string[], moment: Moment | null): Promise<boolean> {
  const order: KillOrder = { traceFile: join(tiny.folder, 'trace.json'), moment };
  const child = spawn(process.execPath, ['--require', preload, bundle, 'learn', ...args], {
    cwd: tiny.folder,
    env: { ...process.env, S4S_TEST_KILL: JSON.stringify(order) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('close', (code, signal) => {
      if (signal !== 'SIGKILL' && code !== 0) failed(new Error(`s4s learn ended with ${code}: ${stderr}`));
      else done(signal === 'SIGKILL');
    });
  });
}

/** Random moments of a run that went as `trace` says, in the order in which they come. */
function moments(trace: Trace, { seed, deaths }: Case): Moment[] {
  const random = xoroshiro128plus(seed);
  const messages = trace.map(({ message }) => message);
  const places = deaths.map(([phase, doing, file = '']) => {
    const within = [...trace.keys()].filter((i) => trace[i]!.phase === phase && trace[i]!.runs > 0);
    const at = within[uniformInt(random, 0, within.length - 1)]!;
    return { at, runs: uniformInt(random, 0, trace[at]!.runs - 1), doing, file };
  });
  places.sort((a, b) => a.at - b.at || a.runs - b.runs);
  return places.map(({ at, ...place }) => ({ after: messages.slice(at), ...place }));
}

/** What was measured and learned, event by event, without when. */
function learned(events: readonly LoggedEvent[]): Set<string> {
  const kinds = ['teacher-floor', 'baseline', 'start', 'step', 'table', 'learning-ended'] as const;
  const facts = kinds.flatMap((kind) => ofKind(events, kind).map((event) => ({ ...event, seq: 0, at: 0 })));
  return new Set(facts.map((fact) => JSON.stringify(fact)));
}

/** What the optimisers held at the end. */
function finalStates(name: string): unknown {
  return (JSON.parse(tiny.read(name, 'checkpoint.json')) as { solvers: unknown }).solvers;
}

describe('a run killed again and again', () => {
  it.each(Object.entries(cases))('ends in the solver of an unbroken one: %s', { timeout: 180_000 }, async (_, one) => {
    tiny = new TinyProject(one.config);
    preload = join(tiny.folder, 'preload.cjs');
    const entry = 'test/support/kill-moment.ts';
    buildSync({ entryPoints: [entry], bundle: true, platform: 'node', format: 'cjs', outfile: preload });
    expect(await learn(['--out', 'runs/whole'], null)).toBe(false);
    const trace = JSON.parse(readFileSync(join(tiny.folder, 'trace.json'), 'utf8')) as Trace;
    rmSync(join(tiny.folder, 'runs/.teacher-cache'), { recursive: true });

    const phases = new Set<string | undefined>();
    for (const [i, moment] of moments(trace, one).entries()) {
      const died = await learn([i === 0 ? '--out' : '--resume', 'runs/broken'], moment);
      expect(died, `${moment.doing} ${moment.file} after "${moment.after[0]}", ${moment.runs} runs`).toBe(true);
      const log = tiny.read('broken', 'events.jsonl');
      phases.add([...log.matchAll(/"kind":"progress","phase":"(\w+)"/g)].at(-1)?.[1]);
    }
    expect(phases).toEqual(new Set(one.deaths.map(([phase]) => phase)));
    expect(await learn(['--resume', 'runs/broken'], null)).toBe(false);

    expect(tiny.solver('broken')).toBe(tiny.solver('whole'));
    expect(tiny.solver('broken')).toContain('"learned": true');
    expect(finalStates('broken')).toEqual(finalStates('whole'));
    expect(tiny.read('broken', 'report.json')).toBe(tiny.read('whole', 'report.json'));
    const events = tiny.events('broken');
    expect(learned(events)).toEqual(learned(tiny.events('whole')));
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i));
    const pictures = readdirSync(tiny.path('whole', 'samples'));
    expect(readdirSync(tiny.path('broken', 'samples'))).toEqual(pictures);
    for (const picture of pictures) {
      const [broken, whole] = ['broken', 'whole'].map((name) => readFileSync(tiny.path(name, `samples/${picture}`)));
      expect(broken!.equals(whole!), picture).toBe(true);
    }
    const files = readdirSync(join(tiny.folder, 'runs'), { recursive: true, encoding: 'utf8' });
    expect(files.filter((file) => file.endsWith('.tmp'))).toEqual([]);
  });
});
