import type * as Fs from 'node:fs';
import type * as FsPromises from 'node:fs/promises';
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as Ort from 'onnxruntime-node';
import type { InferenceSession } from 'onnxruntime-node';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { DataType } from '../../src/onnx/dtype';
import { makePort } from '../../src/onnx/value-facts';
import type { GraphBuilder } from '../../src/onnx/builder';
import type { OnnxModel } from '../../src/onnx/model';
import { serializeModel } from '../../src/onnx/write';
import type { LoggedEvent } from '../../src/protocol';
import { writeNpy } from '../support/npy';
import { emptyGraph } from '../support/onnx-run';
import { imageFeatures } from '../support/tiny-networks';
import { expectSentence, ofKind, TinyProject } from '../support/tiny-run';
import type { TinyConfig } from '../support/tiny-run';

/** What goes wrong, set by a test: thrown before a call, or done to its result. */
const faults = vi.hoisted(() => ({
  mkdir: undefined as ((path: string) => void) | undefined,
  append: undefined as ((path: string) => void) | undefined,
  write: undefined as ((path: string) => void) | undefined,
  run: undefined as (() => void) | undefined,
  results: undefined as ((results: Record<string, { data: unknown }>) => void) | undefined,
}));

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof Fs>();
  return {
    ...fs,
    mkdirSync: (path: string, options: { recursive: true }) => {
      faults.mkdir?.(path);
      return fs.mkdirSync(path, options);
    },
    appendFileSync: (path: string, text: string) => {
      faults.append?.(path);
      fs.appendFileSync(path, text);
    },
  };
});
vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof FsPromises>();
  const open = async (path: string, flags: string) => {
    const file = await fs.open(path, flags);
    const writeFile = file.writeFile.bind(file);
    file.writeFile = async (content: string | Uint8Array) => {
      faults.write?.(path);
      await writeFile(content);
    };
    return file;
  };
  return { ...fs, open };
});
vi.mock('onnxruntime-node', async (original) => {
  const ort = await original<typeof Ort>();
  const create = async (graph: Uint8Array, options: InferenceSession.SessionOptions) => {
    const session = await ort.InferenceSession.create(graph, options);
    return {
      run: async (feeds: InferenceSession.FeedsType) => {
        faults.run?.();
        const results = await session.run(feeds);
        faults.results?.(results);
        return results;
      },
      release: () => session.release(),
      inputMetadata: session.inputMetadata,
    };
  };
  return { ...ort, InferenceSession: { create } };
});

const systemError = (code: string): Error => Object.assign(new Error(`${code}: injected`), { code });
const fail = (code: string) => (): never => {
  throw systemError(code);
};
const spoil = (results: Record<string, { data: unknown }>): void => {
  for (const { data } of Object.values(results)) if (data instanceof Float32Array) data.fill(Number.NaN);
};

let tiny: TinyProject;
beforeEach(() => {
  tiny = new TinyProject();
});
afterEach(() => {
  for (const key of Object.keys(faults) as (keyof typeof faults)[]) faults[key] = undefined;
  rmSync(tiny.folder, { recursive: true, force: true });
});

/** Ends in one sentence, also in the log; nothing is left half done. */
async function failure(
  name: string,
  ...rest: [order?: object, onEvent?: (event: LoggedEvent) => void]
): Promise<string> {
  const { status, message } = await tiny.run(name, ...rest);
  expect(status).toBe('failed');
  expectSentence(message);
  return message;
}

/**
 * Codes of warnings, but for those that 24 noises are few and the teacher's steps, too: so they are, and these tests are about
 * other things.
 */
function warnings(events: readonly LoggedEvent[]): string[] {
  const ofTheSetting = ['too-few-noises', 'near-teacher'];
  return ofKind(events, 'warning').flatMap(({ code }) => (ofTheSetting.includes(code) ? [] : [code]));
}

/** solver.json of a run that nothing happened to; the folder does not matter. */
let unbroken: string;
beforeAll(async () => {
  const quiet = new TinyProject();
  expect((await quiet.run('unbroken')).status).toBe('done');
  unbroken = quiet.solver('unbroken');
  rmSync(quiet.folder, { recursive: true, force: true });
});

/** The run goes on where it failed and ends in the same solver as one that never failed. */
async function expectResumes(name: string): Promise<void> {
  const outcome = await tiny.run(name, { resume: true });
  expect(outcome.message).toMatch(/times lower than the best classic solver\.$/);
  const events = tiny.events(name);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i));
  expect(tiny.solver(name)).toBe(unbroken);
}

/** A denoiser of the plane, x/(1 + σ²) with something on top. */
function writeModel(top: (b: GraphBuilder, x: string, sigma: string) => string): void {
  const b = emptyGraph();
  b.addInput('x', DataType.FLOAT, ['batch', 2]);
  b.addInput('sigma', DataType.FLOAT, ['batch']);
  const sigma = b.reshape('sigma', [-1, 1]);
  const plain = b.div('x', b.add(b.mul(sigma, sigma), b.floats([], [1], DataType.FLOAT)));
  b.alias(b.add(plain, top(b, 'x', sigma)), 'denoised');
  b.addOutputPort(makePort('denoised', DataType.FLOAT, ['batch', 2]));
  writeFileSync(tiny.model, serializeModel(b.build('test')));
}

/** log(|x|² − 10⁴), which no sample of the mixture has. */
function logOfNorm(): OnnxModel {
  const b = emptyGraph();
  b.addInput('image', DataType.FLOAT, ['batch', 2]);
  const norm = b.emit('ReduceSum', [b.mul('image', 'image'), b.ints([1])], { keepdims: 1 });
  b.alias(b.emit('Log', [b.sub(norm, b.floats([], [1e4], DataType.FLOAT))]), 'features');
  b.addOutputPort(makePort('features', DataType.FLOAT, ['batch', 1]));
  return b.build('features.onnx');
}

/** log(−|a − b|²) of two samples. */
function logOfDistance(): OnnxModel {
  const b = emptyGraph();
  for (const name of ['image', 'reference']) b.addInput(name, DataType.FLOAT, ['batch', 2]);
  const difference = b.sub('image', 'reference');
  const norm = b.emit('ReduceSum', [b.mul(difference, difference), b.ints([1])], { keepdims: 1 });
  b.alias(b.emit('Log', [b.emit('Neg', [norm])]), 'distance');
  b.addOutputPort(makePort('distance', DataType.FLOAT, ['batch', 1]));
  return b.build('lpips.onnx');
}

/** Adds det(1 + x·xᵀ/10⁴) = 1 + |x|²/10⁴: a smooth function by an operator that has no gradient rule. */
function withDeterminant(b: GraphBuilder, x: string): string {
  const scaled = b.mul(x, b.floats([], [1e-4], DataType.FLOAT));
  const outer = b.emit('MatMul', [b.reshape(scaled, [-1, 2, 1]), b.reshape(x, [-1, 1, 2])]);
  const det = b.emit('Det', [b.add(outer, b.floats([2, 2], [1, 0, 0, 1], DataType.FLOAT))]);
  return b.reshape(det, [-1, 1]);
}

describe('a model that is not right', () => {
  it('is named when it is torn, and nothing is written', async () => {
    const bytes = readFileSync(tiny.model);
    writeFileSync(tiny.model, bytes.subarray(0, Math.floor(bytes.length / 2)));
    const message = await failure('torn');
    expect(message).toContain(tiny.model);
    expect(message).toMatch(/truncated or not ONNX .*; export the model again\.$/);
    expect(tiny.has('torn', '')).toBe(false);
  });

  it('is named when it was torn while a run was stopped', async () => {
    await tiny.runUntil('run', (event) => event.kind === 'step');
    const bytes = readFileSync(tiny.model);
    writeFileSync(tiny.model, bytes.subarray(0, Math.floor(bytes.length / 2)));
    expect(await failure('run', { resume: true })).toContain(`${tiny.model} is truncated or not ONNX`);
    writeFileSync(tiny.model, bytes);
    await expectResumes('run');
  });

  it('without a gradient is learned for without one, and says which node lacks it', async () => {
    writeModel(withDeterminant);
    const { status } = await tiny.run('det');
    expect(status).toBe('done');
    const [warning] = ofKind(tiny.events('det'), 'warning');
    expect(warning?.message).toMatch(/operator Det has no gradient rule, and Det node "s4s_Det_\d+" is on the way/);
    expect(tiny.read('det', 'solver.json')).toContain('"learned": true');
  });

  it('without a gradient cannot be learned for with adam', async () => {
    writeModel(withDeterminant);
    tiny.write({ training: 'optimizer: adam, iterations: 20' });
    const message = await failure('det');
    expect(message).toMatch(/operator Det .* Det node "s4s_Det_\d+"/);
    expect(message).toMatch(/Set training\.optimizer to gauss_newton/);
  });

  it('that gives NaN at some times is found out by the teacher, with the time', async () => {
    writeModel((b, _x, sigma) => b.emit('Log', [b.sub(sigma, b.floats([], [0.5], DataType.FLOAT))]));
    const message = await failure('nan');
    const time = /produced NaN or infinity at evaluation \d+ \(time ([\d.e-]+)\)/.exec(message)?.[1];
    expect(Number(time)).toBeLessThan(0.5);
    expect(message).toMatch(/Check model\.prediction_type, noise_schedule/);
  });
});

it('a teacher that gives NaN at twice its steps is learned from, and its own error is not known', async () => {
  const { status } = await tiny.run('floor', {}, (event) => {
    if (event.kind !== 'progress') return;
    faults.results = event.message.startsWith('Teacher against itself') ? spoil : undefined;
  });
  expect(status).toBe('done');
  const events = tiny.events('floor');
  expect(warnings(events)).toEqual(['teacher-unstable']);
  expect(ofKind(events, 'teacher-floor')).toEqual([]);
  expect(tiny.read('floor', 'report.json')).toContain('"self_mse": null');
  expect(tiny.read('floor', 'report.md')).toContain('at twice the steps it gives NaN');
});

describe('NaN while learning', () => {
  const cases: Record<string, TinyConfig> = {
    'Gauss–Newton': { training: 'iterations: 4' },
    Adam: { training: 'optimizer: adam, iterations: 30' },
  };
  it.each(Object.entries(cases))('is a rejected step: %s', async (_name, config) => {
    tiny.write(config);
    const { status } = await tiny.run('nan', {}, (event) => {
      if (event.kind === 'step' && event.iteration === 2) faults.results = spoil;
      if (event.kind === 'warning') faults.results = undefined;
    });
    expect(status).toBe('done');
    const events = tiny.events('nan');
    expect(warnings(events)).toEqual(['step-not-finite']);
    expect(ofKind(events, 'step').every(({ trainLoss }) => Number.isFinite(trainLoss))).toBe(true);
    const steps = ofKind(events, 'step').map(({ iteration }) => iteration);
    // Learning goes on: it was the device that hiccuped.
    expect(steps.at(-1)).toBe(config === cases['Adam'] ? 30 : 4);
    expect(tiny.read('nan', 'solver.json')).toContain('"learned": true');
  });
});

describe('a network that the objective looks through', () => {
  const path = (): string => join(tiny.folder, 'features.onnx');
  const bytes = serializeModel(imageFeatures([2]));
  beforeEach(() => {
    writeFileSync(path(), bytes);
    tiny.write({ objective: 'distance: features, network: ./features.onnx, network_output: sines, relax_radius: 0' });
  });

  it('is named when it is torn, before any sample is made', async () => {
    writeFileSync(path(), bytes.subarray(0, bytes.length / 2));
    expect(await failure('torn')).toMatch(/features\.onnx is truncated or not ONNX .*; export the model again\.$/);
    expect(ofKind(tiny.events('torn'), 'progress')).toEqual([]);
  });

  it('is named when it was torn while a run was stopped, which goes on with the right one', async () => {
    await tiny.run('whole');
    await tiny.runUntil('first', (event) => event.kind === 'step' && event.iteration === 2);
    writeFileSync(path(), bytes.subarray(0, bytes.length / 2));
    expect(await failure('first', { resume: true })).toMatch(/features\.onnx is truncated or not ONNX/);
    writeFileSync(path(), bytes);
    expect((await tiny.run('first', { resume: true })).status).toBe('done');
    expect(tiny.solver('first')).toBe(tiny.solver('whole'));
  });

  it('and its weights are the same when a run goes on', async () => {
    const weights = join(tiny.folder, 'weights.npy');
    const weigh = (of: (i: number) => number): void =>
      writeNpy(
        weights,
        [24],
        Float64Array.from({ length: 24 }, (_, i) => of(i)),
      );
    weigh(() => 1);
    const network = 'distance: features, network: ./features.onnx, network_output: sines, relax_radius: 0';
    tiny.write({ objective: `${network}, sample_weights: ./weights.npy` });
    await tiny.runUntil('first', (event) => event.kind === 'step' && event.iteration === 2);
    writeFileSync(path(), Buffer.concat([bytes, Buffer.from([0x12, 0x01, 0x78])]));
    expect(await failure('first', { resume: true })).toMatch(
      /features\.onnx \(objective\.network\) has changed since .*runs\/first was started\. Start a new run, or put/,
    );
    writeFileSync(path(), bytes);
    weigh((i) => i);
    expect(await failure('first', { resume: true })).toMatch(/weights\.npy \(objective\.sample_weights\) has changed/);
    weigh(() => 1);
    expect((await tiny.run('first', { resume: true })).status).toBe('done');
  });

  it('that gives NaN on samples of the teacher is named, before anything is learned', async () => {
    writeFileSync(path(), serializeModel(logOfNorm()));
    tiny.write({ objective: 'distance: features, network: ./features.onnx, relax_radius: 0' });
    expect(await failure('features')).toMatch(
      /features\.onnx \(objective\.network\) gives NaN or infinity on the teacher's samples; check objective\.network_range/,
    );
    writeFileSync(path(), serializeModel(logOfDistance()));
    tiny.write({ objective: 'distance: lpips, network: ./features.onnx, relax_radius: 0' });
    expect(await failure('lpips')).toMatch(/features\.onnx \(objective\.network\) gives NaN or infinity/);
    for (const name of ['features', 'lpips']) expect(ofKind(tiny.events(name), 'baseline')).toEqual([]);
  });

  it('gives NaN while learning: a rejected step', async () => {
    const { status } = await tiny.run('nan', {}, (event) => {
      if (event.kind === 'step' && event.iteration === 2) {
        faults.results = (results) => {
          if (!('denoised' in results)) spoil(results);
        };
      }
      if (event.kind === 'warning') faults.results = undefined;
    });
    expect(status).toBe('done');
    const events = tiny.events('nan');
    expect(warnings(events)).toEqual(['step-not-finite']);
    expect(ofKind(events, 'step').map(({ iteration }) => iteration)).toEqual([0, 1, 2, 4]);
  });
});

describe('a folder that cannot be written', () => {
  it('because a file is in the way', async () => {
    writeFileSync(join(tiny.folder, 'runs'), 'not a folder');
    const message = await failure('first');
    expect(message).toContain(join(tiny.folder, 'runs/first'));
    expect(message).toMatch(/a file is in the way\. Move that file, or set another "output" folder/);
  });

  it('because of its permissions, from the start', async () => {
    faults.mkdir = (path) => {
      throw Object.assign(systemError('EACCES'), { path });
    };
    expect(await failure('first')).toMatch(
      /no permission to write .*runs\/first\/samples\. Allow writing there, or set/,
    );
  });

  it('any more, in the middle of a run', async () => {
    let saved = 0;
    faults.write = (path) => {
      if (path.includes('checkpoint.json') && ++saved === 2) fail('EROFS')();
    };
    expect(await failure('first')).toMatch(/no permission to write .*runs\/first\/checkpoint\.json\. Allow/);
    faults.write = undefined;
    await expectResumes('first');
  });

  it('because it was deleted', async () => {
    const message = await failure('first', {}, (event) => {
      if (event.kind === 'step') rmSync(join(tiny.folder, 'runs/first'), { recursive: true });
    });
    expect(message).toMatch(
      /runs\/first\/.* is not there \(any more\)\. Put it back and resume, or start a new run\.$/,
    );
  });
});

describe('a full disk', () => {
  it('during a checkpoint keeps the one before, and the run can go on', async () => {
    let before: string | undefined;
    const message = await failure('first', {}, (event) => {
      if (event.kind !== 'checkpoint') return;
      before = tiny.read('first', 'checkpoint.json');
      faults.write = (path) => {
        if (path.includes('checkpoint.json')) fail('ENOSPC')();
      };
    });
    expect(message).toMatch(
      /^The disk is full: .*checkpoint\.json could not be written\. Free some space, then resume/,
    );
    expect(before).toBeDefined();
    expect(tiny.read('first', 'checkpoint.json')).toBe(before);
    expect(tiny.events('first').at(-1)).toMatchObject({ kind: 'finished', status: 'failed', message });
    faults.write = undefined;
    await expectResumes('first');
  });

  it.each(['teacher', 'samples/', 'solver.json', 'report.json'])('while writing %s', async (part) => {
    faults.write = (path) => {
      if (path.includes(part)) fail('ENOSPC')();
    };
    expect(await failure('first')).toMatch(/^The disk is full: /);
    faults.write = undefined;
    await expectResumes('first');
  });

  it('for the log ends the run, and its stream still says why', async () => {
    const streamed: LoggedEvent[] = [];
    const message = await failure('first', {}, (event) => {
      streamed.push(event);
      if (event.kind === 'step' && event.iteration === 1) faults.append = fail('ENOSPC');
    });
    expect(message).toMatch(/^The disk is full: .*events\.jsonl could not be written/);
    expect(streamed.at(-1)).toMatchObject({ kind: 'finished', status: 'failed' });
    expect(tiny.events('first').at(-1)?.kind).toBe('step');
    faults.append = undefined;
    await expectResumes('first');
  });
});

describe('a device', () => {
  it('that goes away ends the run with what was learned, and the run can go on', async () => {
    const message = await failure('first', {}, (event) => {
      if (event.kind === 'step' && event.iteration === 2) {
        faults.run = () => {
          throw new Error('Device lost: the GPU was reset\n    at somewhere deep');
        };
      }
    });
    expect(message).toMatch(
      /^ONNX Runtime failed while running the denoiser of .*gmm\.onnx on cpu: Device lost: the GPU was reset\. Resume/,
    );
    expect(ofKind(tiny.events('first'), 'checkpoint').at(-1)).toMatchObject({ iteration: 2 });
    faults.run = undefined;
    await expectResumes('first');
  });
});

describe('files that go away or are damaged', () => {
  it('solver.yaml may be deleted during a run, and before a resume', async () => {
    const { status } = await tiny.run('first', {}, (event) => {
      if (event.kind === 'step') rmSync(tiny.yaml, { force: true });
    });
    expect(status).toBe('done');
    expect((await tiny.run('first', { resume: true })).status).toBe('done');
    expect(await failure('second')).toBe(`${tiny.yaml} cannot be read. Check the path of solver.yaml.`);
  });

  it('a damaged checkpoint is named', async () => {
    await tiny.runUntil('first', (event) => event.kind === 'checkpoint');
    writeFileSync(tiny.path('first', 'checkpoint.json'), tiny.read('first', 'checkpoint.json').slice(0, 100));
    expect(await failure('first', { resume: true })).toMatch(/checkpoint\.json is damaged\. Start a new run/);
  });

  it('a checkpoint of which one character has changed is not gone on from', async () => {
    await tiny.runUntil('first', (event) => event.kind === 'checkpoint');
    const text = tiny.read('first', 'checkpoint.json');
    const at = text.indexOf('base64') + 20;
    const other = text[at] === 'A' ? 'B' : 'A';
    writeFileSync(tiny.path('first', 'checkpoint.json'), `${text.slice(0, at)}${other}${text.slice(at + 1)}`);
    expect(await failure('first', { resume: true })).toMatch(/checkpoint\.json is damaged\. Start a new run/);
  });

  it('a damaged resolved config is named', async () => {
    await tiny.runUntil('first', (event) => event.kind === 'checkpoint');
    appendFileSync(tiny.path('first', 'config.resolved.yaml'), '{{{');
    expect(await failure('first', { resume: true })).toMatch(/cannot be resumed: config\.resolved\.yaml is damaged: /);
  });

  it('a damaged solver.json of an older run is passed over by the preview', async () => {
    await tiny.run('first');
    await tiny.run('second');
    const whole = tiny.read('second', 'solver.json');
    for (const text of [
      '{',
      whole.replace(/("solvers"[^]*?"rows": \[)/, '$1[],'),
      whole.replace('"solvers": [', '"solvers": [{},'),
    ]) {
      expect(text).not.toBe(whole);
      writeFileSync(tiny.path('second', 'solver.json'), text);
      expect((await tiny.run('look', { task: 'preview' })).status).toBe('done');
      const tables = ofKind(tiny.events('look'), 'table').map(({ label }) => label);
      expect(tables).toEqual(['S4S table (first)']);
    }
  });

  it('the preview of a table knows its loss where that is an mse only', async () => {
    await tiny.run('first');
    const shown = async (objective: string): Promise<(number | null | undefined)[]> => {
      tiny.write({ objective });
      await tiny.run('look', { task: 'preview' });
      const loss = ofKind(tiny.events('look'), 'run-started')[0]?.loss;
      expect(loss).toBe(objective === '' ? 'mse' : 'L1');
      return ofKind(tiny.events('look'), 'table').map(({ validationLoss }) => validationLoss);
    };
    const { solvers } = JSON.parse(tiny.read('first', 'solver.json')) as { solvers: { validation_mse: number }[] };
    expect(await shown('')).toEqual([solvers[0]!.validation_mse]);
    expect(await shown('distance: l1')).toEqual([null]);
  });
});

describe('an evaluation', () => {
  /** Features x·(1 2; 3 4), logits the same. */
  function writeClassifier(): void {
    const b = emptyGraph();
    b.addInput('image', DataType.FLOAT, ['batch', 2]);
    b.alias(b.emit('MatMul', ['image', b.floats([2, 2], [1, 2, 3, 4], DataType.FLOAT)]), 'features');
    b.alias('features', 'logits');
    for (const name of ['logits', 'features']) b.addOutputPort(makePort(name, DataType.FLOAT, ['batch', 2]));
    writeFileSync(join(tiny.folder, 'classifier.onnx'), serializeModel(b.build('classifier')));
    tiny.write({ evaluation: 'samples: 24, classifier: ./classifier.onnx, feature_statistics: ./features.json' });
  }
  const statistics = (value: unknown): void => writeFileSync(join(tiny.folder, 'features.json'), JSON.stringify(value));

  it('gives Fréchet distances with a classifier and statistics', async () => {
    writeClassifier();
    statistics({ count: 1000, mean: [0, 0], cov: [10, 14, 14, 20] });
    expect((await tiny.run('first')).status).toBe('done');
    const report = JSON.parse(tiny.read('first', 'report.json')) as {
      results: { fd: number }[];
      teacher: { fd: number };
    };
    for (const { fd } of [report.teacher, ...report.results]) expect(fd).toBeGreaterThan(0);
  });

  it.each([
    [
      'of another size',
      { count: 9, mean: [0, 0, 0], cov: Array<number>(9).fill(0) },
      /have 3 features, the classifier gives 2\. Make/,
    ],
    [
      'of the wrong shape',
      { count: 9, mean: [0, 0], cov: [1] },
      /features\.json must hold "count", "mean" \(d numbers\) and "cov"/,
    ],
    ['that are no object', null, /features\.json must hold/],
  ])('finds statistics %s before any time is spent on learning', async (_name, value, expected) => {
    writeClassifier();
    statistics(value);
    expect(await failure('first')).toMatch(expected);
    expect(ofKind(tiny.events('first'), 'step')).toEqual([]);
  });
});
