import { copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runBuiltCli } from '../support/built-cli';
import { expectSentence } from '../support/tiny-run';

const data = 'test/data/onnx';

interface ReferenceJson {
  tolerance: Record<string, unknown>;
  cases: { gradients: Record<string, { shape: number[]; data: number[] }> }[];
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 's4s-conformance-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: string[]) => runBuiltCli(['conformance', 'onnx', ...args]);

function copy(name: string): void {
  for (const end of ['onnx', 'json']) copyFileSync(join(data, `${name}.${end}`), join(folder, `${name}.${end}`));
}

/** Cases of all references in the test data that have a model. */
function countCases(): number {
  const files = readdirSync(data);
  const references = files.filter((file) => file.endsWith('.json') && files.includes(file.replace(/json$/, 'onnx')));
  return references
    .map((file) => JSON.parse(readFileSync(join(data, file), 'utf8')) as ReferenceJson)
    .reduce((sum, { cases }) => sum + cases.length, 0);
}

/** Copies a model and changes its reference. */
function tamper(name: string, change: (reference: ReferenceJson) => void): void {
  copy(name);
  const reference = JSON.parse(readFileSync(join(data, `${name}.json`), 'utf8')) as ReferenceJson;
  change(reference);
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(reference));
}

describe('s4s conformance onnx', () => {
  it('passes the bundled models, prints the median and ends with the count', async () => {
    const { code, stdout, stderr } = await run(data);
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.at(-1)).toBe(`${countCases()} passed, 0 failed`);
    const [, median] = /^median gradient error over \d+ float32 cases: (\S+)$/.exec(lines.at(-2)!) ?? [];
    expect(Number(median)).toBeLessThan(2e-5);
    expect(lines).toContain('edm_songunet');
    expect(stdout).toMatch(/^ {2}batch2 +forward \S+ {2}gradient x \S+, sigma \S+ {2}\d+ ms {2}pass$/m);
  });

  it('gives the same as JSON, for the models that are asked for', async () => {
    const { code, stdout } = await run(data, '--json', '--filter', 'mlp', '--filter', 'gmm');
    expect(code).toBe(0);
    const results = JSON.parse(stdout) as { device: string; models: { name: string }[] };
    expect(results).toMatchObject({ device: 'cpu', passed: 4, failed: 0, float32Cases: 4 });
    expect(results.models.map(({ name }) => name)).toEqual(['gmm_analytic', 'mlp_sin']);
  });

  it('finds a wrong gradient, marks it, and goes on', async () => {
    copy('gmm_analytic');
    tamper('mlp_sin', ({ cases }) => {
      const [{ gradients }] = cases as [ReferenceJson['cases'][number]];
      gradients['t']!.data = gradients['t']!.data.map((value) => 1.01 * value);
    });
    const { code, stdout } = await run(folder);
    expect(code).toBe(1);
    expect(stdout).toMatch(/gradient x \S+e-\d+, t 9\.9e-3! .* FAIL$/m);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('3 passed, 1 failed');
  });

  it('counts all cases of a model that cannot be opened, with the reason, and goes on', async () => {
    copy('gmm_analytic');
    copy('mlp_sin');
    writeFileSync(join(folder, 'mlp_sin.onnx'), readFileSync(join(data, 'mlp_sin.onnx')).subarray(0, 1000));
    const { code, stdout } = await run(folder);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ {2}FAIL \(2 cases\): .*mlp_sin\.onnx is truncated or not ONNX/m);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('2 passed, 2 failed');
  });

  it.each([
    [
      'a missing key',
      (json: ReferenceJson) => delete json.tolerance['gradient_rel'],
      '"tolerance.gradient_rel" is missing.',
    ],
    [
      'a tensor of the wrong size',
      (json: ReferenceJson) => json.cases[1]!.gradients['x']!.data.pop(),
      '"cases[1].gradients.x.data" has 31 numbers, but the shape takes 32.',
    ],
    [
      'a wrong type',
      (json: ReferenceJson) => (json.tolerance['forward_rel'] = '1e-4'),
      '"tolerance.forward_rel" is no number',
    ],
  ])('names file and key of %s', async (_what, change, message) => {
    tamper('gmm_analytic', change);
    const { code, stdout } = await run(folder);
    expect(code).toBe(1);
    expect(stdout).toContain(`FAIL (1 case): ${join(folder, 'gmm_analytic.json')}: ${message}`);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('0 passed, 1 failed');
  });

  it('goes by index.json where there is one', async () => {
    copy('gmm_analytic');
    copy('mlp_sin');
    const entry = { name: 'mixture', onnx: 'gmm_analytic.onnx', json: 'gmm_analytic.json' };
    writeFileSync(join(folder, 'index.json'), JSON.stringify({ models: [entry] }));
    expect((await run(folder)).stdout).toMatch(/^mixture\n[^]*\n2 passed, 0 failed\n$/);
    writeFileSync(join(folder, 'index.json'), JSON.stringify({ models: [{ ...entry, onnx: '../gmm.onnx' }] }));
    const outside = await run(folder);
    expect([outside.code, outside.stdout]).toEqual([2, '']);
    expect(outside.stderr).toContain('"models[0].onnx" is "../gmm.onnx", which is not a file in this folder.');
  });

  it('opens a model whose weights lie in a file beside it', async () => {
    const source = join(data, 'external');
    for (const file of ['conv_net.onnx', 'conv_net.onnx.data']) copyFileSync(join(source, file), join(folder, file));
    const values = JSON.parse(readFileSync(join(source, 'conv_net.json'), 'utf8')) as object;
    const reference = { tolerance: { forward_rel: 1e-4, gradient_rel: 1e-3 }, cases: [{ name: 'only', ...values }] };
    writeFileSync(join(folder, 'conv_net.json'), JSON.stringify(reference));
    const { code, stdout } = await run(folder);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('1 passed, 0 failed');
    expect(code).toBe(0);
  });

  it('ends with code 2 and one sentence for a folder it cannot use', async () => {
    writeFileSync(join(folder, 'notes.txt'), 'nothing here');
    const [missing, empty, filtered] = await Promise.all([
      run(join(folder, 'nowhere')),
      run(folder),
      run(data, '--filter', 'unheard-of'),
    ]);
    for (const { code, stdout, stderr } of [missing, empty, filtered]) {
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
      expectSentence(stderr.trimEnd());
    }
    expect(filtered.stderr).toMatch(/has unheard-of in its name; there are .*gmm_analytic.*\.$/m);
    expect((await runBuiltCli(['conformance', 'onnx', data, '--device', 'abacus'])).code).toBe(2);
  });
});
