import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openModel, relativeError, type Values } from '../../test/support/onnx-run';
import { buildVjpGraph, parseModel, readModelHeader, serializeModel } from './index';

/** Networks exported by both exporters of PyTorch, with float64 autograd values (see the JSON files beside them). */
const models = ['mlp_sin', 'gmm_analytic', 'ddpm_unet2d', 'ddpm_unet2d_op21', 'edm_songunet'];
const root = join(import.meta.dirname, '../..');
const folder = join(root, 'test/data/onnx');

interface Case {
  readonly name: string;
  readonly inputs: Record<string, Values>;
  readonly outputs: Record<string, Values>;
  readonly cotangents: Record<string, Values>;
  readonly gradients: Record<string, Values>;
}
interface Reference {
  readonly inputs: readonly { name: string; dtype: string; shape: readonly (number | string)[] }[];
  readonly tolerance: { readonly forward_rel: number; readonly gradient_rel: number };
  readonly cases: readonly Case[];
}

async function expectReference(bytes: Uint8Array, tolerance: Reference['tolerance'], cases: readonly Case[]) {
  const model = parseModel(bytes, 'model.onnx');
  const inputs = Object.keys(cases[0]!.gradients);
  const run = await openModel(buildVjpGraph(model, { inputs }));
  for (const { inputs, outputs, cotangents, gradients } of cases) {
    const fed = Object.entries(cotangents).map(([name, values]) => [`${name}_cotangent`, values] as const);
    const results = await run({ ...inputs, ...Object.fromEntries(fed) });
    for (const [name, values] of Object.entries(outputs)) {
      expect(relativeError(results[name], values), name).toBeLessThan(tolerance.forward_rel);
    }
    for (const [name, values] of Object.entries(gradients)) {
      expect(relativeError(results[`${name}_gradient`], values), `gradient of ${name}`).toBeLessThan(
        tolerance.gradient_rel,
      );
    }
  }
}

describe.each(models)('%s', (name) => {
  const bytes = new Uint8Array(readFileSync(join(folder, `${name}.onnx`)));
  const reference = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Reference;

  test('forward and VJP agree with PyTorch', () => expectReference(bytes, reference.tolerance, reference.cases));

  test('the header lists the ports', () => {
    const header = readModelHeader(bytes, name);
    expect(header.inputs).toEqual(reference.inputs);
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
  const reference = JSON.parse(readFileSync(join(root, 'test/data/demo-vjp.json'), 'utf8')) as Case;
  await expectReference(bytes, { forward_rel: 1e-4, gradient_rel: 1e-3 }, [reference]);
});
