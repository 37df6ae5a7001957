import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ModelCache } from './model-cache';

const folder = mkdtempSync(join(tmpdir(), 's4s-cache-'));
beforeAll(() => cpSync('test/data/sd-tiny', folder, { recursive: true }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('knows a model folder by its parts, and reads it again when one of them changes', async () => {
  const cache = new ModelCache();
  const facts = await cache.facts(folder);
  expect(facts).toMatchObject({
    kind: 'header',
    path: join(folder, 'unet/model.onnx'),
    inputs: [{ name: 'sample' }, { name: 'timestep' }, { name: 'encoder_hidden_states' }],
    folder: { textEncoders: [{ width: 16, hasTokenizer: true }], scheduler: { beta_schedule: 'scaled_linear' } },
  });
  expect(await cache.facts(folder)).toBe(facts);
  writeFileSync(join(folder, 'scheduler/scheduler_config.json'), '{ "beta_schedule": "linear" }');
  expect(await cache.facts(folder)).toMatchObject({ folder: { scheduler: { beta_schedule: 'linear' } } });
  rmSync(join(folder, 'text_encoder'), { recursive: true });
  expect(await cache.facts(folder)).toMatchObject({ folder: { textEncoders: [] } });
});
