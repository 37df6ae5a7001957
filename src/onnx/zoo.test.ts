import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkReference } from '../jobs/conformance-onnx';
import { readReference, type Reference, type ReferenceCase } from './conformance/reference';
import { buildVjpGraph, parseModel, readModelHeader, serializeModel } from './index';

/** Networks exported by both exporters of PyTorch, with float64 autograd values (see the JSON files beside them). */
const models = ['mlp_sin', 'gmm_analytic', 'ddpm_unet2d', 'ddpm_unet2d_op21', 'edm_songunet'];
const root = join(import.meta.dirname, '../..');
const folder = join(root, 'test/data/onnx');

async function expectReference(bytes: Uint8Array, reference: Reference) {
  const results = await checkReference(parseModel(bytes, 'model.onnx'), reference);
  expect(results.map(({ name }) => name)).toEqual(reference.cases.map(({ name }) => name));
  for (const { name, outputs, gradients } of results) {
    const failed = [...outputs, ...gradients].filter(({ passed }) => !passed);
    expect(failed, name).toEqual([]);
    expect(gradients.length, name).toBeGreaterThan(0);
  }
}

describe.each(models)('%s', (name) => {
  const bytes = new Uint8Array(readFileSync(join(folder, `${name}.onnx`)));
  const json = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as { readonly inputs: unknown };

  test('forward and VJP agree with PyTorch', () => expectReference(bytes, readReference(json, name)));

  test('the header lists the ports', () => {
    const header = readModelHeader(bytes, name);
    expect(header.inputs).toEqual(json.inputs);
    expect(header.externalData).toEqual([]);
  });

  test('the gradient graph is the same bytes every time', () => {
    const once = serializeModel(buildVjpGraph(parseModel(bytes, name)));
    const twice = serializeModel(buildVjpGraph(parseModel(bytes, name)));
    expect(Buffer.compare(once, twice)).toBe(0);
  });
});

test('the demo network: forward and VJP agree with PyTorch', async () => {
  const bytes = new Uint8Array(readFileSync(join(root, 'media/demo/unet.onnx')));
  const values = JSON.parse(readFileSync(join(root, 'test/data/demo-vjp.json'), 'utf8')) as Omit<ReferenceCase, 'name'>;
  await expectReference(bytes, { tolerance: { forward: 1e-4, gradient: 1e-3 }, cases: [{ name: 'demo', ...values }] });
});
