import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SolverFile } from '../../src/export/solver-file';
import { checkConfigFile } from '../../src/jobs/load-config';
import { runJob } from '../../src/jobs/run';
import type { RunOutcome } from '../../src/jobs/run';
import { ofKind, readEvents } from '../support/tiny-run';

const reference = JSON.parse(readFileSync('test/data/sd-tiny/reference.json', 'utf8')) as { prompts: string[] };
const folder = mkdtempSync(join(tmpdir(), 's4s-prompts-'));
const yaml = join(folder, 'solver.yaml');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const longPrompt = 'photo of the red house and '.repeat(20).trim();
const byPrompts = `prompts: [a photo of a cat, ${longPrompt}], negative_prompt: blurry`;

function write(conditioning: string, model = './sd-tiny'): void {
  writeFileSync(
    yaml,
    `version: 1
model:
  path: ${model}
  prediction_type: epsilon
  noise_schedule: { type: scaled_linear, beta_start: 0.00085, beta_end: 0.012 }
  sample_shape: [4, 8, 8]
  conditioning: { ${conditioning}, guidance_scale: 3 }
teacher: { num_inference_steps: 6 }
student: { num_inference_steps: 2 }
training: { samples: 8, validation_samples: 8, iterations: 1, budget: { minutes: 1 } }
evaluation: { samples: 8 }
preview: { samples: 4 }
device: cpu
`,
  );
}

function run(name: string, task: 'learn' | 'preview'): Promise<RunOutcome> {
  const order = { task, configPath: yaml, runDir: join(folder, 'runs', name), resume: false } as const;
  return runJob(order, () => {}, new AbortController().signal);
}

const events = (name: string) => readEvents(join(folder, 'runs', name, 'events.jsonl'));

beforeAll(() => cpSync('test/data/sd-tiny', join(folder, 'sd-tiny'), { recursive: true }));

describe('a Stable-Diffusion-like folder', () => {
  it('is fine with prompts', async () => {
    write(byPrompts);
    expect((await checkConfigFile(yaml)).diagnostics).toEqual([]);
  });

  it('is learned for, with pictures instead of latents', async () => {
    write(byPrompts);
    const outcome = await run('learn', 'learn');
    expect(outcome.message).toMatch(/^2 evaluations: /);
    expect(
      ofKind(events('learn'), 'warning')
        .filter(({ code }) => code !== 'near-teacher')
        .map(({ message }) => message),
    ).toEqual([expect.stringMatching(/longer than the 77 tokens of the text encoder: its last 45 are left out\.$/)]);
    const previews = ofKind(events('learn'), 'preview');
    expect(new Set(previews.map(({ which }) => which))).toEqual(new Set(['teacher', 'classic', 'learned']));
    for (const { file } of previews) {
      const { width, height, channels, data } = decode(readFileSync(join(folder, 'runs/learn', file)));
      // Four images of 16 × 16, each enlarged to 32.
      expect([width, height, channels]).toEqual([66, 66, 3]);
      expect(new Set(data).size).toBeGreaterThan(10);
    }
    const text = readFileSync(join(folder, 'runs/learn/solver.json'), 'utf8');
    const { name, model } = JSON.parse(text) as SolverFile;
    expect(text).not.toContain(folder);
    expect(name).toBe('sd-tiny');
    expect(model.conditioning).toMatchObject({ prompts: ['a photo of a cat', longPrompt], negative_prompt: 'blurry' });
  });

  it('makes the same samples of prompts and of their tensors, and others of other prompts', async () => {
    const cache = join(folder, 'runs/.teacher-cache');
    /** The teacher's samples of a preview. */
    const samplesOf = async (conditioning: string, model?: string): Promise<Float32Array> => {
      rmSync(cache, { recursive: true, force: true });
      write(conditioning, model);
      expect((await checkConfigFile(yaml)).diagnostics).toEqual([]);
      expect((await run('look', 'preview')).status).toBe('done');
      const [only, ...others] = readdirSync(cache).map((file) => readFileSync(join(cache, file)));
      expect(others).toEqual([]);
      return new Float32Array(Uint8Array.from(only!.subarray(0, -32)).buffer);
    };
    const difference = (a: Float32Array, b: Float32Array): number =>
      Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
    const [cat, painting] = reference.prompts;
    const prompts = await samplesOf(`prompts: ${JSON.stringify([cat, painting])}, negative_prompt: blurry`);
    const others = await samplesOf(`prompts: ${JSON.stringify([painting, cat])}, negative_prompt: blurry`);
    const tensors = await samplesOf(
      'tensors: { encoder_hidden_states: ./sd-tiny/prompt_embeds.npy }, unconditional_tensors: { encoder_hidden_states: ./sd-tiny/negative_embeds.safetensors }',
      './sd-tiny/unet/model.onnx',
    );
    expect(difference(prompts, tensors)).toBeLessThan(1e-3);
    expect(difference(prompts, others)).toBeGreaterThan(1e-2);
  });

  it('that lacks a part says which', async () => {
    cpSync('test/data/sd-tiny', join(folder, 'broken'), { recursive: true });
    const messages = async (): Promise<string[]> => {
      write(byPrompts, './broken');
      return (await checkConfigFile(yaml)).diagnostics.map(({ message }) => message);
    };
    rmSync(join(folder, 'broken/text_encoder'), { recursive: true });
    expect(await messages()).toContainEqual(expect.stringMatching(/prompts need text_encoder\/model\.onnx/));
    writeFileSync(join(folder, 'broken/scheduler/scheduler_config.json'), '[');
    expect(await messages()).toEqual([expect.stringMatching(/scheduler_config\.json does not hold a JSON object/)]);
    rmSync(join(folder, 'broken/unet'), { recursive: true });
    expect(await messages()).toEqual([
      expect.stringMatching(/holds no unet\/model\.onnx and no transformer\/model\.onnx/),
    ]);
    rmSync(join(folder, 'broken/model_index.json'));
    expect(await messages()).toEqual([expect.stringMatching(/a folder without model_index\.json/)]);
  });
});
