import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Inspection } from '../../src/onnx/inspect';
import { serializeModel } from '../../src/onnx';
import { runBuiltCli } from '../support/built-cli';
import { float32, graphOf } from '../support/onnx-run';
import { expectSentence } from '../support/tiny-run';

const data = 'test/data/onnx';
const demo = 'media/demo/unet.onnx';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 's4s-inspect-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: string[]) => runBuiltCli(['inspect', ...args]);

async function json(...args: string[]): Promise<Inspection> {
  const { code, stdout, stderr } = await run(...args, '--json');
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Inspection;
}

/** A chain of `length` nodes with an operator in the middle that nobody knows. */
function writeBlocked(length: number): string {
  const path = join(folder, 'blocked.onnx');
  const model = graphOf({ x: float32([2, 3], []) }, (b) => {
    let value = 'x';
    for (let i = 0; i < length; i++) value = i === 5 ? b.emit('Mystery', [value]) : b.emit('Sigmoid', [value]);
    return value;
  });
  writeFileSync(path, serializeModel(model));
  return path;
}

describe('s4s inspect', () => {
  it('tells a person what the demo model is', async () => {
    const { code, stdout, stderr } = await run(demo);
    expect([code, stderr]).toEqual([0, '']);
    for (const line of [
      `${resolve(demo)} (5.11 MB)`,
      '  kind        EDM-type denoiser: its time is a noise level ("sigma")',
      '  prediction  sample, with noise_schedule type edm',
      '  ports       sample "sample", timestep "sigma", output "denoised", classLabels "class_labels"',
      '  sample        float32 [batch, 1, 32, 32]  here 1x1x32x32',
      'Parameters: 1.27 M (5.08 MB)',
      'Operators: 225 nodes',
      'Cost per sample (sample 1x1x32x32, sigma 1, class_labels 1)',
      '  forward                 101 MFLOPs (50.1 M multiply-adds), ',
      '  One multiply-add is 2 FLOPs.',
      'Gradient: nothing blocks it',
      '  class_labels  no: it holds integers, which have no derivative',
    ]) {
      expect(stdout).toContain(`\n${line}`.slice(line.startsWith('/') ? 1 : 0));
    }
    expect(stdout).not.toMatch(/undefined|NaN|\[object/);
  });

  it('gives a program one object with the same facts', async () => {
    const model = await json(demo);
    expect(model).toMatchObject({
      file: resolve(demo),
      fileBytes: readFileSync(demo).length,
      irVersion: 8,
      opsets: { 'ai.onnx': 17 },
      kind: 'edm',
      ports: { sample: 'sample', timestep: 'sigma', classLabels: 'class_labels', output: 'denoised' },
      shapes: { sample: [1, 1, 32, 32], sigma: [1], class_labels: [1], denoised: [1, 1, 32, 32] },
      batch: 1,
      blockers: [],
      notes: [],
      forward: { uncounted: {}, unknownValues: 0 },
      vjp: { uncounted: {}, unknownValues: 0 },
    });
    expect(model.parameters.byType.map(({ dtype }) => dtype)).toContain('float32');
    // The floor is 2: one product forward, one backward to the activations.
    expect(model.vjp!.macs / model.forward!.macs).toBeCloseTo(2, 1);
  });

  it.each([
    ['mlp_sin', 'mlp'],
    ['gmm_analytic', 'edm'],
    ['ddpm_unet2d', 'unet'],
    ['ddpm_unet2d_op21', 'unet'],
    ['edm_songunet', 'edm'],
  ])('guesses the kind of %s: %s', async (name, kind) => {
    const model = await json(join(data, `${name}.onnx`));
    expect(model.kind).toBe(kind);
    expect(model.gradients.map(({ differentiable }) => differentiable)).toEqual(['yes', 'yes']);
    expect(model.forward).toMatchObject({ uncounted: {}, unknownValues: 0 });
    expect(model.vjp).toMatchObject({ uncounted: {}, unknownValues: 0 });
    if (kind !== 'edm') expect(model.predictionType).toContain('the file does not say');
  });

  it('sets sizes with --shape and divides by the batch', async () => {
    const [one, many] = await Promise.all([
      json(join(data, 'ddpm_unet2d.onnx')),
      json(join(data, 'ddpm_unet2d.onnx'), '--shape', 'sample=16x3x8x8'),
    ]);
    expect(many).toMatchObject({ batch: 16, shapes: { sample: [16, 3, 8, 8], timestep: [16] } });
    expect(many.forward!.macs).toBe(one.forward!.macs);
  });

  it('names what blocks a gradient and shortens a long path in the middle', async () => {
    const file = writeBlocked(20);
    const model = await json(file);
    expect(model.gradients).toEqual([{ name: 'x', differentiable: 'blocked', reason: 'Mystery has no gradient here' }]);
    expect(model.vjp).toBeNull();
    expect(model.blockers).toHaveLength(1);
    expect(model.blockers[0]).toMatchObject({ operator: 'Mystery', nodes: ['s4s_Mystery_6'], inputs: ['x'] });
    expect(model.blockers[0]!.path).toMatchObject({ from: 'x', to: 'y' });
    expect(model.blockers[0]!.path!.nodes).toHaveLength(21);
    const { stdout } = await run(file);
    expect(stdout).toContain('Blocked: Mystery, 1 node on the way from x\n');
    const path = stdout.slice(stdout.indexOf('  path from x to y:\n')).trimEnd().split('\n').slice(1);
    expect(path.map((line) => line.trim())).toEqual([
      'Sigmoid "s4s_Sigmoid_1"',
      'Sigmoid "s4s_Sigmoid_2"',
      'Sigmoid "s4s_Sigmoid_3"',
      '… 1 node …',
      'Sigmoid "s4s_Sigmoid_5"',
      '-> Mystery "s4s_Mystery_6"',
      'Sigmoid "s4s_Sigmoid_7"',
      '… 11 nodes …',
      'Sigmoid "s4s_Sigmoid_19"',
      'Sigmoid "s4s_Sigmoid_20"',
      'Identity "s4s_Identity_21"',
    ]);
  });

  it('names the file of external weights', async () => {
    const model = await json(join(data, 'external/conv_net.onnx'));
    expect(model.parameters.external).toEqual([{ file: 'conv_net.onnx.data', bytes: expect.any(Number) as number }]);
    expect((await run(join(data, 'external/conv_net.onnx'))).stdout).toMatch(
      /of these \S+ k?B in the file conv_net\.onnx\.data/,
    );
  });

  it('ends with code 2 and one sentence for what is no model, or a shape that does not fit', async () => {
    writeFileSync(join(folder, 'text.onnx'), 'This is a letter.');
    writeFileSync(join(folder, 'torn.onnx'), readFileSync(demo).subarray(0, 5000));
    const wrong = await Promise.all([
      run(join(folder, 'nothing.onnx')),
      run(folder),
      run(join(folder, 'text.onnx')),
      run(join(folder, 'torn.onnx')),
      run(demo, '--shape', 'sample=1x3x32x32'),
    ]);
    for (const { code, stdout, stderr } of wrong) {
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
      expectSentence(stderr.trimEnd().replace(/^--/, ''));
    }
    expect(wrong[4].stderr).toContain('--shape sample=1x3x32x32 has 3 for dimension 1, which is 1.');
    const odd = await run(demo, '--shape', 'sample:1x1x32x32');
    expect([odd.code, odd.stderr.includes('write it as NAME=1x4x64x64')]).toEqual([2, true]);
  });
});
