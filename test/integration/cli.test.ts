import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseLoggedEvent } from '../../src/protocol';
import type { LoggedEvent } from '../../src/protocol';
import { expectSentence, ofKind, readEvents, TinyProject, withoutIds } from '../support/tiny-run';

const bundle = resolve('dist/cli.js');

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The built `s4s` as a user starts it, in a folder. */
class Cli {
  stdout = '';
  stderr = '';
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;

  constructor(cwd: string, args: readonly string[]) {
    this.child = spawn(process.execPath, [bundle, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.ended = new Promise((done) => {
      this.child.once('close', (code, signal) => done({ code, signal, stdout: this.stdout, stderr: this.stderr }));
    });
  }

  /** Calls back once, at the first event (of `--json`) that is wanted. */
  onEvent(wanted: (event: LoggedEvent) => boolean, then: () => void): void {
    let read = 0;
    let done = false;
    this.child.stdout!.on('data', () => {
      const lines = this.stdout.split('\n');
      for (; read < lines.length - 1 && !done; read++) {
        const event = parseLoggedEvent(lines[read]!);
        if (event && wanted(event)) {
          done = true;
          then();
        }
      }
    });
  }
}

let tiny: TinyProject;
beforeAll(() => {
  if (!existsSync(bundle)) throw new Error(`${bundle} is missing: run node tools/build.mjs first.`);
});
beforeEach(() => {
  tiny = new TinyProject();
});
afterEach(() => {
  rmSync(tiny.folder, { recursive: true, force: true });
});

const start = (...args: string[]): Cli => new Cli(tiny.folder, args);
const run = (...args: string[]): Promise<Ended> => start(...args).ended;

/** Something longer to interrupt: three solvers of several steps. */
const longer = { student: 'num_inference_steps: [3, 4, 5]', training: 'iterations: 4, batch_size: 16' };

/** One line on standard error that a person can act on. */
function onlyLine({ stderr }: Ended): string {
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expectSentence(stderr.trimEnd());
  return stderr.trimEnd();
}

describe('s4s', () => {
  it('explains itself', async () => {
    const [help, learn, version] = await Promise.all([run('--help'), run('learn', '--help'), run('--version')]);
    expect([help.code, learn.code, version.code]).toEqual([0, 0, 0]);
    for (const command of ['learn', 'preview', 'validate']) expect(help.stdout).toContain(command);
    for (const option of ['--out', '--resume', '--json']) expect(learn.stdout).toContain(option);
    const { version: expected } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(version.stdout.trim()).toBe(expected);
  });

  it('says what it does not know, with exit code 2', async () => {
    const [nothing, command, option, resume] = await Promise.all([
      run(),
      run('lern'),
      run('learn', '--fast'),
      run('learn', '--resume'),
    ]);
    expect([nothing.code, command.code, option.code, resume.code]).toEqual([2, 2, 2, 2]);
    expect(nothing.stderr).toContain('Usage: s4s');
    expect(command.stderr).toContain("unknown command 'lern'");
    expect(option.stderr).toContain("unknown option '--fast'");
    expect(onlyLine(resume)).toContain('s4s learn --resume DIR');
  });
});

describe('s4s validate', () => {
  it('agrees with a good file', async () => {
    const [text, json] = await Promise.all([run('validate'), run('validate', '--json')]);
    expect(text).toMatchObject({ code: 0, stderr: '', stdout: `${tiny.yaml} is fine.\n` });
    expect([json.code, JSON.parse(json.stdout)]).toEqual([0, []]);
  });

  it('names places of all errors, with exit code 2', async () => {
    tiny.write({ student: 'method: tabel, num_inference_stps: 5' });
    const [text, json] = await Promise.all([run('validate'), run('validate', 'solver.yaml', '--json')]);
    expect([text.code, json.code]).toEqual([2, 2]);
    const lines = text.stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line.startsWith(`${tiny.yaml}:8:`)).toBe(true);
    const codes = (JSON.parse(json.stdout) as { code: string; at: string }[]).map(({ code, at }) => `${at} ${code}`);
    expect(codes).toEqual(['8:20 unknown-value', '8:27 unknown-key']);
  });

  it('ends with code 2 for a file that is not there', async () => {
    expect(onlyLine(await run('validate', 'nothing.yaml'))).toContain('nothing.yaml cannot be read');
  });
});

describe('input that is wrong', () => {
  it('a YAML alias bomb is refused by validate and learn', async () => {
    const lines = ['version: 1', 'a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]'];
    for (let i = 1; i < 12; i++)
      lines.push(
        `a${i}: &a${i} [${Array<string>(9)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );
    writeFileSync(tiny.yaml, `${lines.join('\n')}\n`);
    const [validate, learn] = await Promise.all([run('validate'), run('learn')]);
    expect([validate.code, learn.code]).toEqual([2, 2]);
    const sentence = /aliases of this file expand to more than a solver\.yaml may hold; write the values out instead\./;
    expect(validate.stdout).toMatch(sentence);
    expect(learn.stderr).toMatch(sentence);
    expect(learn.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(readdirSync(tiny.folder)).not.toContain('runs');
  });

  it('a torn ONNX file is named with its place in solver.yaml', async () => {
    const bytes = readFileSync(tiny.model);
    writeFileSync(tiny.model, bytes.subarray(0, bytes.length - 100));
    const learn = await run('learn');
    expect(learn.code).toBe(2);
    expect(learn.stderr).toMatch(
      /solver\.yaml:3:\d+: error: .*gmm\.onnx is truncated or not ONNX .*; export the model again\./,
    );
    expect(learn.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(readdirSync(tiny.folder)).not.toContain('runs');
  });

  it('a missing solver.yaml and a folder without a run', async () => {
    const [missing, empty] = await Promise.all([run('learn', 'no.yaml', '--json'), run('learn', '--resume', 'empty')]);
    expect([missing.code, empty.code]).toEqual([2, 2]);
    expect(onlyLine(missing)).toMatch(/no\.yaml cannot be read\. Check the path/);
    expect(onlyLine(empty)).toMatch(/empty holds no run to resume/);
    expect(readdirSync(tiny.folder).toSorted()).toEqual(['gmm.onnx', 'solver.yaml']);
  });

  it('a folder that cannot be made fails with code 1', async () => {
    const failed = await run('learn', '--out', 'gmm.onnx/run');
    expect(failed.code).toBe(1);
    expect(onlyLine(failed)).toMatch(
      /gmm\.onnx\/run\/samples cannot be made because a file is in the way\. Move that file/,
    );
  });
});

describe('s4s learn', () => {
  it('learns into a new folder and shows what came out', async () => {
    const done = await run('learn');
    expect(done).toMatchObject({ code: 0, stderr: '' });
    const [name] = readdirSync(join(tiny.folder, 'runs')).filter((entry) => !entry.startsWith('.'));
    expect(name).toMatch(/^solver-\d{8}-\d{6}$/);
    expect(tiny.has(name!, 'report.json')).toBe(true);
    expect(done.stdout).toContain('> S4S table');
    expect(done.stdout).toMatch(
      /3 evaluations: mse .* times lower than the best classic solver\.\nResults: .*report\.md/,
    );
  });

  it('prints the log as JSON lines', async () => {
    const done = await run('learn', '--out', 'out', '--json');
    expect(done).toMatchObject({ code: 0, stderr: '' });
    const log = readFileSync(join(tiny.folder, 'out/events.jsonl'), 'utf8');
    expect(done.stdout).toBe(log);
  });

  it('learns as often as --seeds says, in a new run only', async () => {
    const [seeds, none, resumed] = await Promise.all([
      run('learn', '--out', 'seeds', '--seeds', '2', '--json'),
      run('learn', '--seeds', '0'),
      run('learn', '--seeds', '2', '--resume', 'seeds'),
    ]);
    expect([seeds.code, none.code, resumed.code]).toEqual([0, 2, 2]);
    const events = readEvents(join(tiny.folder, 'seeds/events.jsonl'));
    expect(events[0]).toMatchObject({ kind: 'run-started', seeds: 2 });
    expect(ofKind(events, 'learning-ended').map(({ seed }) => seed)).toEqual([0, 1]);
    expect(none.stderr).toContain('it must be a whole number of at least 1.');
    expect(resumed.stderr).toContain("'--seeds <n>' cannot be used with option '--resume");
  });

  it('draws previews', async () => {
    const done = await run('preview', '--out', 'look');
    expect(done.code).toBe(0);
    expect(done.stdout).toContain('No solver was learned for this model yet');
    expect(existsSync(join(tiny.folder, 'look/samples/nfe3-classic.png'))).toBe(true);
  });
});

describe('an interrupted run', () => {
  const solverOf = (name: string): string => withoutIds(readFileSync(join(tiny.folder, name, 'solver.json'), 'utf8'));
  const eventsOf = (name: string): LoggedEvent[] => readEvents(join(tiny.folder, name, 'events.jsonl'));

  it('killed after a checkpoint goes on and ends in the same table', async () => {
    tiny.write(longer);
    const killed = start('learn', '--out', 'killed', '--json');
    killed.onEvent(
      (event) => event.kind === 'checkpoint',
      () => killed.child.kill('SIGKILL'),
    );
    const whole = run('learn', '--out', 'whole');
    expect(await killed.ended).toMatchObject({ code: null, signal: 'SIGKILL' });
    expect(existsSync(join(tiny.folder, 'killed/solver.json'))).toBe(false);
    expect(await run('learn', '--resume', 'killed')).toMatchObject({ code: 0, stderr: '' });
    expect((await whole).code).toBe(0);
    expect(solverOf('killed')).toBe(solverOf('whole'));
    const events = eventsOf('killed');
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i));
    expect(ofKind(events, 'finished').map(({ status }) => status)).toEqual(['done']);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'by %s keeps its checkpoint, says how to go on and ends with 130',
    async (signal) => {
      tiny.write(longer);
      const stopped = start('learn', '--out', 'stopped');
      let sent = false;
      stopped.child.stdout!.on('data', () => {
        if (!sent && stopped.stdout.includes('iteration 1:')) sent = stopped.child.kill(signal);
      });
      const { code, stdout } = await stopped.ended;
      expect(code).toBe(130);
      expect(stdout).toContain('Stopping after this evaluation; press Ctrl-C again to stop at once.');
      expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^Resume with: s4s learn --resume \/.*\/stopped$/);
      expect(ofKind(eventsOf('stopped'), 'checkpoint').length).toBeGreaterThan(0);
    },
  );

  it('stopped with Ctrl-C goes on with the command it was told', async () => {
    tiny.write(longer);
    const stopped = start('learn', '--out', 'stopped', '--json');
    stopped.onEvent(
      (event) => event.kind === 'step' && event.iteration === 2,
      () => stopped.child.kill('SIGINT'),
    );
    expect(await stopped.ended).toMatchObject({ code: 130, stderr: '' });
    const end = eventsOf('stopped').at(-1);
    expect(end).toMatchObject({ kind: 'finished', status: 'cancelled' });
    expect(end).toHaveProperty(
      'message',
      expect.stringMatching(/best table so far is kept in .*stopped; the run can be/),
    );
    const resumed = await run('learn', '--resume', 'stopped');
    expect(resumed.code).toBe(0);
    expect(resumed.stdout).toContain('Resuming ');
  });

  it('is not gone on with twice at once', async () => {
    tiny.write(longer);
    const first = start('learn', '--out', 'one', '--json');
    const second = await new Promise<Ended>((done) => {
      first.onEvent(
        (event) => event.kind === 'step',
        () => void run('learn', '--resume', 'one').then(done),
      );
    });
    expect(second.code).toBe(1);
    expect(onlyLine(second)).toMatch(
      /one is in use by another run \(process \d+, since .*\)\. Wait for it, stop it, or choose/,
    );
    expect((await first.ended).code).toBe(0);
    const events = eventsOf('one');
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i));
    expect(readdirSync(join(tiny.folder, 'one'))).not.toContain('run.lock');
  });

  it('whose reader went away stops quietly and can go on', async () => {
    tiny.write(longer);
    const cut = start('learn', '--out', 'cut', '--json');
    cut.onEvent(
      (event) => event.kind === 'checkpoint',
      () => cut.child.stdout!.destroy(),
    );
    expect(await cut.ended).toMatchObject({ code: 130, stderr: '' });
    expect(eventsOf('cut').at(-1)).toMatchObject({ kind: 'finished', status: 'cancelled' });
  });
});
