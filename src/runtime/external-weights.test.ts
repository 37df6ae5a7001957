import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { externalTensor, modelWith } from '../../test/support/external-model';
import { relativeError, type Feeds as NamedValues } from '../../test/support/onnx-run';
import { openModelFile } from '../onnx/open-file';
import { buildVjpGraph } from '../onnx/vjp';
import { serializeModel } from '../onnx/write';
import { Classifier } from './classifier';
import { floatTensor, openSession } from './session';

const folder = mkdtempSync(join(tmpdir(), 's4s-weights-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const toTensors = (values: NamedValues) =>
  Object.fromEntries(
    Object.entries(values).map(([name, { data, shape }]) => [name, floatTensor(Float32Array.from(data), shape)]),
  );

it('the gradient of an export with external data agrees with PyTorch', async () => {
  const source = 'test/data/onnx/external/conv_net';
  const reference = JSON.parse(readFileSync(`${source}.json`, 'utf8')) as Record<
    'inputs' | 'outputs' | 'cotangents' | 'gradients',
    NamedValues
  >;
  const model = await openModelFile(`${source}.onnx`);
  const vjp = buildVjpGraph(model);
  const session = await openSession(serializeModel(vjp), 'cpu', 'the gradient', model.weights?.folder);
  const { out_sample: cotangent } = reference.cotangents;
  const results = await session.run({
    ...toTensors(reference.inputs),
    ...toTensors({ out_sample_cotangent: cotangent! }),
  });
  const close = (name: string, wanted: NamedValues[string]) => {
    const got = { ...wanted, data: Array.from(results[name]!) };
    expect(relativeError(got, wanted)).toBeLessThan(2e-5);
  };
  close('out_sample', reference.outputs['out_sample']!);
  close('sample_gradient', reference.gradients['sample']!);
  close('timestep_gradient', reference.gradients['timestep']!);
  await session.release();
});

it('weights may lie in folders below the model, in files that start with something else', async () => {
  const width = 70;
  mkdirSync(join(folder, 'a', 'b c'), { recursive: true });
  const values = Float32Array.from({ length: width * width }, (_, i) => (i % (width + 1) === 0 ? 3 : 0));
  writeFileSync(join(folder, 'a', 'b c', 'wé.bin'), Buffer.concat([Buffer.alloc(64), Buffer.from(values.buffer)]));
  const weight = externalTensor('w', [width, width], { location: 'a/b c/wé.bin', offset: 64 });
  const path = join(folder, 'below.onnx');
  writeFileSync(
    path,
    modelWith([weight], width, (b) => b.emit('MatMul', ['sample', 'w'])),
  );
  const model = await openModelFile(path);
  const session = await openSession(serializeModel(model), 'cpu', path, model.weights?.folder);
  const { out_sample } = await session.run({
    sample: floatTensor(new Float32Array(width).fill(2), [1, width]),
    timestep: floatTensor(Float32Array.of(1), [1]),
  });
  expect(Array.from(out_sample!)).toEqual(Array(width).fill(7));
  await session.release();
});

it('a classifier may have them, too', async () => {
  for (const file of ['conv_net.onnx', 'conv_net.onnx.data']) {
    copyFileSync(join('test/data/onnx/external', file), join(folder, file));
  }
  const classifier = await Classifier.open(join(folder, 'conv_net.onnx'), [1, 8, 8], 'cpu');
  await classifier.release();
});
