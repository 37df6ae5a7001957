import { appendFileSync, copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ofKind, TinyProject } from '../support/tiny-run';

const project = new TinyProject();
afterAll(() => rmSync(project.folder, { recursive: true, force: true }));
const source = 'test/data/onnx/external';

/** A config for the export with its weights in a second file. */
function useExternalModel(): void {
  for (const file of ['conv_net.onnx', 'conv_net.onnx.data']) {
    copyFileSync(join(source, file), join(project.folder, file));
  }
  project.write({ model: './conv_net.onnx' });
  const yaml = readFileSync(project.yaml, 'utf8').replace('sample_shape: [2]', 'sample_shape: [1, 8, 8]');
  writeFileSync(project.yaml, yaml);
}

const hashOf = (name: string) =>
  (JSON.parse(project.read(name, 'solver.json')) as { model: { sha256: string } }).model.sha256;

it('learns for a model with external data, and knows when the weights have changed', async () => {
  useExternalModel();
  const outcome = await project.run('first');
  expect(outcome).toMatchObject({ status: 'done' });
  expect(ofKind(project.events('first'), 'table').length).toBeGreaterThan(0);

  appendFileSync(join(project.folder, 'conv_net.onnx.data'), 'x');
  expect((await project.run('second')).status).toBe('done');
  expect(hashOf('second')).not.toBe(hashOf('first'));
});

it('says which file is missing', async () => {
  useExternalModel();
  rmSync(join(project.folder, 'conv_net.onnx.data'));
  const outcome = await project.run('third');
  expect(outcome.status).toBe('failed');
  expect(outcome.message).toMatch(
    /the weights of ".*" lie in conv_net\.onnx\.data, which is missing; copy it to .* too\.$/,
  );
});
