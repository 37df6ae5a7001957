import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { emptyGraph } from '../../test/support/onnx-run';
import { makePort } from '../onnx/value-facts';
import { DataType } from '../onnx/dtype';
import { serializeModel } from '../onnx/write';
import { Classifier } from './classifier';

const folder = mkdtempSync(join(tmpdir(), 's4s-classifier-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(outputs: readonly string[]): string {
  const b = emptyGraph();
  b.addInput('image', DataType.FLOAT, ['batch', 1, 2, 2]);
  const flat = b.reshape('image', [-1, 4]);
  for (const name of outputs) {
    b.alias(name === 'logits' ? b.neg(flat) : flat, name);
    b.addOutputPort(makePort(name, DataType.FLOAT, ['batch', 4]));
  }
  const path = join(folder, `${outputs.join('-')}.onnx`);
  writeFileSync(path, serializeModel(b.build('classifier')));
  return path;
}

it('gives logits and features of samples of its shape', async () => {
  const classifier = await Classifier.open(write(['logits', 'features']), [1, 2, 2], 'cpu');
  const { logits, features } = await classifier.run(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  expect(Array.from(features)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(Array.from(logits)).toEqual([-1, -2, -3, -4, -5, -6, -7, -8]);
  await classifier.release();
});

it('says which outputs it misses, and in which file', async () => {
  const path = write(['logits']);
  const classifier = await Classifier.open(path, [1, 2, 2], 'cpu');
  await expect(classifier.run(new Float32Array(4))).rejects.toThrow(
    `The classifier ${path} needs two outputs named logits and features.`,
  );
});

it('names a file that is torn', async () => {
  const path = join(folder, 'torn.onnx');
  writeFileSync(path, serializeModel(emptyGraph().build('x')).subarray(0, 9));
  await expect(Classifier.open(path, [4], 'cpu')).rejects.toThrow(/torn\.onnx is truncated or not ONNX/);
});
