import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runBuiltCli } from '../support/built-cli';
import { expectSentence, TinyProject } from '../support/tiny-run';

interface Row {
  readonly nfe: number;
  readonly names: readonly string[];
  readonly learned: boolean;
  readonly quality: { readonly mse: number; readonly mse_ci95: readonly [number, number]; readonly errors: number[] };
  readonly comparison: { readonly ratio: number; readonly ratio_ci95: readonly [number, number] } | null;
}

interface File {
  readonly teacher: { readonly floor: { readonly mse: number } };
  readonly results: readonly Row[];
}

let tiny: TinyProject;
let out: string;
beforeEach(() => {
  tiny = new TinyProject({ teacher: 'num_inference_steps: 30' });
  out = join(tiny.folder, 'evaluation');
});
afterEach(() => {
  rmSync(tiny.folder, { recursive: true, force: true });
});

const evaluate = (...args: string[]) => runBuiltCli(['evaluate', tiny.yaml, '--out', out, ...args]);
const text = (): string => readFileSync(join(out, 'evaluation.json'), 'utf8');
const read = (): File => JSON.parse(text()) as File;

describe('s4s evaluate', () => {
  it('compares learned and classic tables, and says who is best', async () => {
    const runDir = join(tiny.folder, 'run');
    await runBuiltCli(['learn', tiny.yaml, '--out', runDir]);
    const args = [
      '--solvers',
      'unipc-3,ddim:karras,dpmpp-1:karras',
      '--runs',
      runDir,
      '--nfe',
      '3,5',
      '--samples',
      '64',
    ];
    const { code, stdout, stderr } = await evaluate(...args);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('S4S table (run): mse');

    const { results, teacher } = read();
    expect(results.map(({ nfe, learned }) => [nfe, learned])).toEqual([
      [3, true],
      [3, false],
      [3, false],
      [5, false],
      [5, false],
    ]);
    const [learned] = results;
    expect(learned!.comparison!.ratio).toBeLessThan(1);
    expect(learned!.comparison!.ratio_ci95[1]).toBeGreaterThan(learned!.comparison!.ratio);
    for (const { quality } of results) {
      expect(quality.errors).toHaveLength(64);
      expect(quality.mse_ci95[0]).toBeLessThan(quality.mse);
      expect(quality.mse_ci95[1]).toBeGreaterThan(quality.mse);
      expect(quality.mse).toBeGreaterThan(teacher.floor.mse);
    }
    // One table by two names.
    expect(results.map(({ names }) => names)).toContainEqual(['DDIM · karras', 'DPM-Solver++ 1M · karras']);

    const markdown = readFileSync(join(out, 'evaluation.md'), 'utf8');
    expect(markdown).toContain('**Floor: mse');
    expect(markdown).toMatch(/## 3 evaluations\n\n\| solver .*\n\| --- .*\n\| \*\*S4S table \(run\)\*\* \|/);
    const chart = readFileSync(join(out, 'pareto.svg'), 'utf8');
    expect(chart).toContain('network evaluations a sample (NFE)');
    expect(chart).toContain('S4S table (run)');
    expect(chart.match(/<polyline/g)).toHaveLength(4);
    expect(chart).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('gives the same bytes again, goes on from what is there, and gives others for another seed', async () => {
    const args = ['--solvers', 'unipc-2,ddim', '--nfe', '3', '--samples', '32'];
    await evaluate(...args);
    const whole = text();
    rmSync(out, { recursive: true });
    await evaluate('--solvers', 'ddim', '--nfe', '3', '--samples', '32');
    const part = read().results;
    // A mark in the finished row shows whether it is measured again.
    writeFileSync(
      join(out, 'evaluation.json'),
      text().replace(/"sliced_wasserstein":[^,]+/g, '"sliced_wasserstein":7'),
    );
    await evaluate(...args);
    expect(read().results.map(({ names }) => names[0])).toEqual(['UniPC-2 · logsnr', 'DDIM · logsnr']);
    expect(text().match(/"sliced_wasserstein":7,/g)!.length).toBe(2);
    expect(read().results[1]!.quality.errors).toEqual(part[0]!.quality.errors);
    rmSync(out, { recursive: true });
    await evaluate('--solvers', 'ddim', '--nfe', '3', '--samples', '32');
    await evaluate(...args);
    expect(text()).toBe(whole);

    const other = await evaluate(...args, '--seed', '1');
    expectSentence(other.stderr.trim());
    expect(other.stderr).toContain('holds results of another --seed; name another folder with --out');
    expect(other.code).toBe(2);
    expect(text()).toBe(whole);
    rmSync(out, { recursive: true });
    await evaluate(...args, '--seed', '1');
    expect(read().results[0]!.quality.errors[0]).not.toBe((JSON.parse(whole) as File).results[0]!.quality.errors[0]);
  });

  it.each(['SIGINT', 'SIGKILL'] as const)('goes on after %s to the result of an unbroken call', async (signal) => {
    const args = ['--nfe', '6,8', '--samples', '96'];
    const child = spawn(process.execPath, [resolve('dist/cli.js'), 'evaluate', tiny.yaml, '--out', out, ...args]);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (part: string) => (stderr += part));
    const ended = new Promise<number | null>((done) => child.once('close', done));
    while (!existsSync(join(out, 'evaluation.json')) && child.exitCode === null) await sleep(10);
    child.kill(signal);
    const code = await ended;
    const before = read().results.length;
    expect(before).toBeGreaterThan(0);
    if (signal === 'SIGINT') {
      expect(code).toBe(130);
      expect(stderr).toMatch(
        /^Stopped; \d+ tables are measured and kept in .*, \d+ are left; the same command goes on/,
      );
      expect(readdirSync(out)).toEqual(expect.arrayContaining(['evaluation.md', 'pareto.svg']));
    }
    expect((await evaluate(...args)).code).toBe(0);
    expect(read().results.length).toBeGreaterThan(before);
    const resumed = text();
    rmSync(out, { recursive: true });
    await evaluate(...args);
    expect(resumed).toBe(text());
  });

  it('judges with a classifier and feature statistics, and says how much of the distance is bias', async () => {
    const demo = resolve('media/demo/solver.yaml');
    const args = ['--out', out, '--device', 'cpu', '--solvers', 'ddim', '--nfe', '2', '--samples', '30'];
    const { code, stderr } = await runBuiltCli(['evaluate', demo, ...args]);
    expect([code, stderr]).toEqual([0, '']);
    const { teacher, results } = JSON.parse(text()) as {
      teacher: { fd_bias: number; quality: { fd: number; accuracy: number } };
      results: {
        quality: { fd: number; fd_ci95: [number, number]; accuracy: number; accuracy_ci95: [number, number] };
      }[];
    };
    const { quality } = results[0]!;
    // Two steps of DDIM blur the digits.
    expect(quality.fd).toBeGreaterThan(teacher.quality.fd);
    expect(quality.fd_ci95[0]).toBeLessThanOrEqual(quality.fd);
    expect(quality.fd_ci95[1]).toBeGreaterThan(quality.fd);
    expect(teacher.fd_bias).toBeGreaterThan(1);
    expect(quality.accuracy_ci95[0]).toBeLessThan(quality.accuracy);
    const markdown = readFileSync(join(out, 'evaluation.md'), 'utf8');
    expect(markdown).toMatch(/from 30 samples\. It is biased upwards .* about so much of each value is bias/);
    expect(readFileSync(join(out, 'pareto.svg'), 'utf8')).toContain('Fréchet distance to real data (30 samples');
  });

  it('prints JSON without the error of every noise', async () => {
    const { stdout } = await evaluate('--solvers', 'deis-3/rhoab:karras', '--nfe', '4', '--samples', '8', '--json');
    const printed = JSON.parse(stdout) as File;
    expect(printed.results[0]!.names).toEqual(['DEIS-3 (rhoab) · karras']);
    expect(printed.results[0]!.quality).not.toHaveProperty('errors');
  });

  it.each([
    [['--solvers', 'eular-3'], 'There is no solver "eular"; there are ddim, dpmpp,'],
    [['--solvers', 'unipc-7'], 'UniPC with its corrector has orders 1 to 4, got 7.'],
    [['--solvers', 'unipc-3:karas'], 'there is no spacing "karas"; there are'],
    [['--solvers', 'unipc 3'], '"unipc 3" is no NAME-ORDER/VARIANT:SPACING'],
    [['--solvers', 'rk4', '--nfe', '5'], 'cannot make 5; choose 4 or 8.'],
    [['--runs', './nothing.json'], 'is no readable solver.json; name a finished run folder or its file.'],
    [['--nfe', '0-3'], 'numbers of evaluations are from 1 to 1000.'],
    [['--samples', '1'], 'it must be a whole number from 2 to 100000.'],
    [['--seed', '-1'], 'it must be a whole number from 0 to 2147483647.'],
  ])('%j is refused with a reason, and writes nothing', async (args, reason) => {
    const { code, stderr } = await evaluate(...args);
    expect(stderr).toContain(reason);
    expect(code).toBe(2);
    expect(existsSync(out)).toBe(false);
  });

  it('leaves a file of somebody else where it is', async () => {
    mkdirSync(out);
    writeFileSync(join(out, 'evaluation.json'), '{"mine": true}');
    const { code, stderr } = await evaluate('--solvers', 'ddim', '--nfe', '3', '--samples', '8');
    expectSentence(stderr.trim());
    expect(stderr).toContain('is no evaluation.json of this version; move it away');
    expect(code).toBe(2);
    expect(text()).toBe('{"mine": true}');
  });
});
