import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkSolverYaml } from '../config';
import type { ResolvedConfig } from '../config';
import { runInputs } from './run-inputs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 's4s-inputs-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function configOf(conditioning: string, objective: string, path = './model.onnx'): ResolvedConfig {
  const text = `version: 1
model:
  path: ${path}
  prediction_type: sample
  noise_schedule: { type: edm, sigma_min: 0.01, sigma_max: 20 }
  sample_shape: [2]
  conditioning: { ${conditioning} }
student: { num_inference_steps: 3 }
objective: { ${objective} }
`;
  const { config, diagnostics } = checkSolverYaml(text, { baseDir: folder });
  if (!config) throw new Error(diagnostics.map(({ message }) => message).join(' '));
  return config;
}

it('are every file that losses depend on, by its key; each with what is in it', async () => {
  for (const name of ['rows.npy', 'none.npy', 'weights.npy']) writeFileSync(join(folder, name), name);
  for (const name of ['model', 'vgg']) copyFileSync('test/data/onnx/gmm_analytic.onnx', join(folder, `${name}.onnx`));
  const config = configOf(
    'tensors: { y: ./rows.npy }, unconditional_tensors: { y: ./none.npy }, guidance_scale: 2',
    'distance: features, network: ./vgg.onnx, sample_weights: ./weights.npy',
  );
  const before = await runInputs(config, 'abc');
  expect(before.map(({ key, path }) => [key, path])).toEqual([
    ['model.path', join(folder, 'model.onnx')],
    ['model.conditioning.tensors.y', join(folder, 'rows.npy')],
    ['model.conditioning.unconditional_tensors.y', join(folder, 'none.npy')],
    ['objective.network', join(folder, 'vgg.onnx')],
    ['objective.sample_weights', join(folder, 'weights.npy')],
  ]);
  expect(before[0]?.sha256).toBe('abc');
  expect(await runInputs(config, 'abc')).toEqual(before);
  writeFileSync(join(folder, 'rows.npy'), 'others');
  const after = await runInputs(config, 'abc');
  expect(after.map(({ sha256 }, i) => sha256 === before[i]?.sha256)).toEqual([true, false, true, true, true]);
});

it('of a model folder are its text encoders, and its decoder where the objective sees decoded images', async () => {
  const pipeline = join(process.cwd(), 'test/data/sd-tiny');
  const keys = async (objective: string): Promise<string[]> =>
    (await runInputs(configOf('prompts: [a cat]', objective, pipeline), 'abc')).map(({ key }) => key);
  expect(await keys('')).toEqual(['model.path', 'model.conditioning.prompts']);
  expect(await keys('space: decoded')).toEqual(['model.path', 'model.conditioning.prompts', 'objective.space']);
});
