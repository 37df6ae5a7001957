import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { decode } from 'fast-png';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runBuiltCli } from '../support/built-cli';
import { expectSentence, TinyProject } from '../support/tiny-run';

let tiny: TinyProject;
let out: string;
beforeEach(() => {
  tiny = new TinyProject();
  out = join(tiny.folder, 'drawn');
});
afterEach(() => {
  rmSync(tiny.folder, { recursive: true, force: true });
});

const draw = (...args: string[]) => runBuiltCli(['sample', tiny.yaml, '--out', out, ...args]);

/** The float32 tensor of a safetensors file. */
function tensor(name: string): Float32Array {
  const file = readFileSync(join(out, 'samples.safetensors'));
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, 8 + length)) as Record<string, { data_offsets: [number, number] }>;
  const [from, to] = header[name]!.data_offsets;
  return new Float32Array(file.buffer.slice(file.byteOffset + 8 + length + from, file.byteOffset + 8 + length + to));
}

const distance = (a: Float32Array, b: Float32Array): number =>
  Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) / a.length);

describe('s4s sample', () => {
  it('writes a picture and tensors, the same for the same seeds', async () => {
    const { code, stdout, stderr } = await draw('--solver', 'unipc', '--nfe', '6', '--seeds', '3,7,10-12');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('5 samples by UniPC-3 · logsnr, 6 evaluations each');
    expect(decode(readFileSync(join(out, 'samples.png'))).width).toBeGreaterThan(100);
    const [first, noises] = [tensor('samples'), tensor('noises')];
    expect(first).toHaveLength(5 * 2);
    await draw('--solver', 'unipc', '--nfe', '6', '--seeds', '7');
    expect(Array.from(tensor('samples'))).toEqual(Array.from(first.subarray(2, 4)));
    expect(Array.from(tensor('noises'))).toEqual(Array.from(noises.subarray(2, 4)));
  });

  it('comes close to the adaptive solver with every family, by any spacing', async () => {
    await draw('--solver', 'adaptive', '--rtol', '1e-5', '--seeds', '0-7');
    const exact = tensor('samples');
    const settings: string[][] = [
      ['--solver', 'ddim', '--nfe', '200'],
      ['--solver', 'dpmpp', '--variant', 'exact', '--spacing', 'exponential', '--to-zero', '--nfe', '60'],
      ['--solver', 'deis', '--order', '4', '--spacing', 'karras', '--nfe', '60'],
      ['--solver', 'pndm', '--nfe', '60', '--afs'],
      ['--solver', 'dpmpp', '--order', '2', '--spacing', 'gits', '--nfe', '30'],
      ['--solver', 'unip', '--spacing', 'optimised', '--nfe', '40'],
      ['--solver', 'rk4', '--spacing', 'cosine', '--nfe', '80'],
      [
        '--solver',
        'lms',
        '--sigmas',
        Array.from({ length: 41 }, (_, i) => 20 * (0.01 / 20) ** (i / 40)).join(),
        '--nfe',
        '40',
      ],
    ];
    for (const args of settings) {
      const { code, stderr } = await draw('--seeds', '0-7', ...args);
      expect([code, stderr], args.join(' ')).toEqual([0, '']);
      expect(distance(tensor('samples'), exact), args.join(' ')).toBeLessThan(0.05);
    }
  });

  it('draws with a learned solver of this model, and with DPM-Solver-v3', async () => {
    const runDir = join(tiny.folder, 'run');
    await runBuiltCli(['learn', tiny.yaml, '--out', runDir]);
    const learned = await draw('--solver', runDir, '--json', '--seeds', '1');
    expect(learned.code).toBe(0);
    expect(JSON.parse(learned.stdout)).toMatchObject({ solver: expect.stringContaining('(run)') as string, nfe: 3 });
    const wrong = await draw('--solver', join(runDir, 'solver.json'), '--nfe', '7');
    expectSentence(wrong.stderr.trim());
    expect(wrong.stderr).toContain('holds solvers for 3 evaluations; choose one of them with --nfe.');
    expect(wrong.code).toBe(2);

    const lambda = Array.from({ length: 101 }, (_, i) => -Math.log(20) + (i / 100) * Math.log(20 / 0.01));
    const statistics = { lambda, l: lambda.map(() => 1), s: lambda.map(() => 0), b: lambda.map(() => 0) };
    const file = join(tiny.folder, 'statistics.json');
    writeFileSync(file, JSON.stringify(statistics));
    const v3 = await draw('--solver', 'dpm_v3', '--statistics', file, '--nfe', '20', '--seeds', '1');
    expect([v3.code, v3.stderr]).toEqual([0, '']);
    const ours = tensor('samples');
    await draw('--solver', 'adaptive', '--rtol', '1e-5', '--seeds', '1');
    expect(distance(ours, tensor('samples'))).toBeLessThan(0.05);
  });

  it('draws decoded pictures from prompts of a model folder, and the command line’s take the place of the config’s', async () => {
    writeFileSync(
      tiny.yaml,
      `version: 1
model:
  path: ${resolve('test/data/sd-tiny')}
  prediction_type: epsilon
  noise_schedule: { type: scaled_linear, beta_start: 0.00085, beta_end: 0.012 }
  sample_shape: [4, 8, 8]
  conditioning: { prompts: [a cat, a dog], guidance_scale: 3 }
device: cpu
`,
    );
    const picture = () => decode(readFileSync(join(out, 'samples.png')));
    expect((await draw('--nfe', '3', '--seeds', '0,0')).code).toBe(0);
    const [cat, dog] = [tensor('samples').slice(0, 256), tensor('samples').slice(256)];
    expect(picture().channels).toBe(3);
    expect(distance(cat, dog)).toBeGreaterThan(0.001);
    expect((await draw('--nfe', '3', '--seeds', '0', '--prompt', 'a dog')).code).toBe(0);
    expect(distance(tensor('samples'), dog)).toBeLessThan(1e-5);
  });

  it.each([
    [['--solver', 'eular'], 'There is no solver "eular"; there are ddim, dpmpp,'],
    [['--solver', 'rk4', '--nfe', '6'], 'cannot make 6; choose 4 or 8.'],
    [['--solver', 'unipc', '--order', '5'], 'UniPC with its corrector has orders 1 to 4, got 5.'],
    [['--solver', 'unipc', '--variant', 'bh1', '--to-zero'], 'bh2'],
    [['--times', '20,5,5', '--nfe', '2'], 'The times of a grid must fall strictly; time 2 does not (5).'],
    [['--times', '20,5,1', '--nfe', '4'], 'needs 5 times, got 3.'],
    [['--sigmas', '20,0', '--nfe', '1'], 'A noise level must be a number above 0, got 0; end at 0 with --to-zero.'],
    [['--solver', 'dpm_v3'], 'dpm_v3 needs the statistics of the model: --statistics FILE.'],
    [['--solver', './nothing.json'], 'is no readable solver.json; name a finished run folder or its file.'],
    [['--labels', '1', '--prompt', 'x'], 'Give labels or prompts, not both.'],
    [['--prompt', 'a cat'], 'prompts need a text encoder, and model.path is a single file'],
    [['--seeds', 'a'], 'write whole numbers and ranges, such as 0-15 or 1,2,7.'],
  ])('%j is refused with a reason, and writes nothing', async (args, reason) => {
    const { code, stderr } = await draw(...args);
    expect(stderr).toContain(reason);
    expect(code).toBe(2);
    expect(existsSync(out)).toBe(false);
  });

  it('says when its folder cannot be made', async () => {
    mkdirSync(join(tiny.folder, 'x'));
    writeFileSync(out, 'in the way');
    const { code, stderr } = await draw('--nfe', '2', '--seeds', '0');
    expectSentence(stderr.trim());
    expect(stderr).toContain('a file is in the way');
    expect(code).toBe(1);
  });
});

describe('s4s conformance solvers', () => {
  const data = 'test/data/solvers';
  const conformance = (...args: string[]) => runBuiltCli(['conformance', 'solvers', ...args]);

  it('passes the bundled runs of a program and ends with the count', async () => {
    const { code, stdout, stderr } = await conformance(data, '--filter', 'heun/', '--filter', 'reference/edm');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^heun +(\d+) of \1 +table \S+e-\d+ {2}times/m);
    expect(stdout).toMatch(/\n\d+ passed, 0 failed\n$/);
  });

  it('fails a tampered table, an unknown program and an unknown parameter, each with its reason', async () => {
    const folder = join(tiny.folder, 'runs');
    mkdirSync(folder);
    for (const name of ['reference.json']) writeFileSync(join(folder, name), readFileSync(join(data, name)));
    const file = JSON.parse(readFileSync(join(data, 'heun.json'), 'utf8')) as {
      cases: { id: string; impl: string; params: object; table: { a: number[] } }[];
    };
    const [a, b, c] = file.cases as [
      (typeof file.cases)[number],
      (typeof file.cases)[number],
      (typeof file.cases)[number],
    ];
    a.table.a[0]! += 1e-6;
    b.impl = 'nobody';
    c.params = { ...c.params, surprise: 1 };
    const torn = { ...file.cases[3], nfe: 'three' };
    writeFileSync(join(folder, 'heun.json'), JSON.stringify({ ...file, cases: [a, b, c, torn] }));
    writeFileSync(join(folder, 'torn.json'), '{"cases": [');
    const { code, stdout } = await conformance(folder, '--filter', 'heun/', '--filter', 'torn/');
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`FAIL ${a.id}: table \\S+ \\(allowed 1e-9\\)`));
    expect(stdout).toContain(`FAIL ${b.id}: no table is filled for "nobody" yet`);
    expect(stdout).toMatch(new RegExp(`FAIL ${c.id}: [^]*surprise`));
    expect(stdout).toContain('torn  FAIL:');
    expect(stdout).toContain(`FAIL ${file.cases[3]!.id}: it is not laid out as it must be: nfe:`);
    expect(stdout).toContain('0 passed, 5 failed');
  });

  it('says what a folder must hold', async () => {
    const { code, stderr } = await conformance(join(tiny.folder, 'nowhere'));
    expect(code).toBe(2);
    expectSentence(stderr.trim());
    expect(stderr).toContain('is no folder that can be read; name one with SOLVER.json files.');
  });
});
