import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openModel, relativeError, type Feeds, type Values } from '../../../test/support/onnx-run';
import { parseModel } from '../read';
import { buildVjpGraph } from '../vjp';

const folder = 'test/data/onnx/optimised';

interface Reference {
  readonly inputs: Feeds;
  readonly output: Values;
  readonly cotangent: Values;
  readonly gradients: Feeds;
}

/** A small conditional UNet as ONNX Runtime's optimiser rewrites it for GPUs; make.py says how. */
test.each([
  ['unet_packed', 'MultiHeadAttention SkipLayerNormalization'],
  ['unet_attention', 'Attention MultiHeadAttention SkipLayerNormalization'],
])('forward and VJP of %s, with %s, agree with PyTorch', async (name, operators) => {
  const model = parseModel(readFileSync(`${folder}/${name}.onnx`), `${name}.onnx`);
  const reference = JSON.parse(readFileSync(`${folder}/unet.json`, 'utf8')) as Reference;
  const own = new Set(model.graph.node.flatMap(({ domain, opType }) => (domain === 'com.microsoft' ? [opType] : [])));
  const expected = `BiasAdd BiasSplitGelu GroupNorm NhwcConv SkipGroupNorm ${operators}`.split(' ');
  expect([...own].sort()).toEqual(expected.sort());
  const run = await openModel(buildVjpGraph(model));
  const results = await run({ ...reference.inputs, out_sample_cotangent: reference.cotangent });
  expect(relativeError(results['out_sample'], reference.output)).toBeLessThan(1e-5);
  for (const [input, gradient] of Object.entries(reference.gradients))
    expect(relativeError(results[`${input}_gradient`], gradient)).toBeLessThan(1e-5);
});
