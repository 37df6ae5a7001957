import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkSolverYaml } from '../config';
import type { ResolvedConfig } from '../config';
import { openPipelineFolder } from '../onnx/pipeline-folder';
import { readTensorFile } from '../onnx/tensor-file';
import { openConditioning } from './conditioning';
import { openModel } from './open-model';

const sdTiny = 'test/data/sd-tiny';
const folder = mkdtempSync(join(tmpdir(), 's4s-conditioning-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Reference {
  readonly prompts: string[];
  readonly negative_prompt: string;
  readonly guidance_scale: number;
  readonly x: number[];
  readonly t: number[];
  readonly denoised: number[];
  readonly grad_x: number[];
  readonly latent: number[];
  readonly image: number[];
}
const reference = JSON.parse(readFileSync(join(sdTiny, 'reference.json'), 'utf8')) as Reference;

function configOf(conditioning: object, model = sdTiny): ResolvedConfig {
  const { config, diagnostics } = checkSolverYaml(
    JSON.stringify({
      version: 1,
      model: {
        path: model,
        prediction_type: 'epsilon',
        noise_schedule: { type: 'scaled_linear', beta_start: 0.00085, beta_end: 0.012 },
        sample_shape: [4, 8, 8],
        conditioning: { guidance_scale: reference.guidance_scale, ...conditioning },
      },
      device: 'cpu',
    }),
    { baseDir: process.cwd() },
  );
  if (!config) throw new Error(diagnostics.map(({ message }) => message).join('\n'));
  return config;
}

const byPrompts = { prompts: reference.prompts, negative_prompt: reference.negative_prompt };
const byTensors = {
  tensors: { encoder_hidden_states: join(sdTiny, 'prompt_embeds.npy') },
  unconditional_tensors: { encoder_hidden_states: join(sdTiny, 'negative_embeds.safetensors') },
};

const open = async (config: ResolvedConfig) => openConditioning(config, await openPipelineFolder(config.model.path));

function worst(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  const values = Array.from(expected);
  const scale = Math.max(...values.map(Math.abs));
  return Math.max(...values.map((value, i) => Math.abs(value - actual[i]!))) / scale;
}

describe('prompts', () => {
  it('become what transformers computes', async () => {
    const { count, tensors } = await open(configOf(byPrompts));
    expect(count).toBe(2);
    expect(tensors).toMatchObject([{ input: 'encoder_hidden_states', shape: [77, 16] }]);
    const [wanted, negative] = await Promise.all(
      Object.values({ ...byTensors.tensors, other: byTensors.unconditional_tensors.encoder_hidden_states }).map(
        (path) => readTensorFile(path),
      ),
    );
    expect(worst(tensors[0]!.rows, wanted!.data)).toBeLessThan(2e-6);
    expect(worst(tensors[0]!.unconditional!, negative!.data)).toBeLessThan(2e-6);
  });

  it('have no other branch without guidance', async () => {
    const { tensors } = await open(configOf({ prompts: ['a cat'], guidance_scale: 1 }));
    expect(tensors[0]!.unconditional).toBeNull();
  });

  it('are known by their encodings', async () => {
    const identity = async (changes: object, model?: string): Promise<string> =>
      (await open(configOf({ ...byPrompts, ...changes }, model))).identity;
    // Another place of the same folder, and a text that means the same to the tokenizer.
    cpSync(sdTiny, join(folder, 'copy'), { recursive: true });
    const same = await Promise.all([
      identity({}),
      identity({}, join(folder, 'copy')),
      identity({ negative_prompt: 'BLURRY' }),
    ]);
    const others = await Promise.all([
      identity({ prompts: reference.prompts.toReversed() }),
      identity({ negative_prompt: '' }),
      identity({ guidance_scale: 4 }),
      identity({ guidance_interval: [0.3, 5] }),
      identity({ guidance_rescale: 0.7 }),
    ]);
    expect(new Set(same).size).toBe(1);
    expect(new Set([...same, ...others]).size).toBe(6);
  });

  it('that are too long are said to be cut', async () => {
    const { warnings } = await open(configOf({ prompts: ['a cat', 'photo of the red house and '.repeat(20)] }));
    expect(warnings).toEqual([
      'The prompt "photo of the red house and photo of the …" is longer than the 77 tokens of the text encoder: its last 45 are left out.',
    ]);
  });
});

const batchOf = ({ x, t }: Reference) => ({
  states: Float32Array.from(x),
  times: Float64Array.from(t),
  conditions: Int32Array.of(0, 1),
});

describe('the denoiser of a folder', () => {
  const batch = batchOf(reference);
  it.each([
    ['prompts', byPrompts],
    ['tensors', byTensors],
  ])('is that of diffusers with %s', async (_, conditioning) => {
    const { denoiser, release } = await openModel(configOf(conditioning), () => {});
    expect(worst(await denoiser.evaluate(batch), reference.denoised)).toBeLessThan(2e-5);
    // The cotangent of the stored gradient is all ones.
    const pulled = await denoiser.vjp!(batch, new Float32Array(batch.states.length).fill(1));
    expect(worst(pulled.output, reference.denoised)).toBeLessThan(2e-5);
    expect(worst(pulled.gradStates, reference.grad_x)).toBeLessThan(2e-4);
    const swapped = await denoiser.evaluate({ ...batch, conditions: Int32Array.of(1, 0) });
    expect(worst(swapped, reference.denoised)).toBeGreaterThan(1e-2);
    await release();
  });

  it('is that of diffusers with the two text encoders of SDXL', async () => {
    const xl = JSON.parse(readFileSync('test/data/sdxl-tiny/reference.json', 'utf8')) as Reference;
    const config = configOf({ prompts: xl.prompts, negative_prompt: xl.negative_prompt }, 'test/data/sdxl-tiny');
    const { denoiser, decoder, conditioning, release } = await openModel(config, () => {});
    expect(conditioning.tensors.map(({ input, shape }) => [input, shape])).toEqual([
      ['encoder_hidden_states', [77, 24]],
      ['text_embeds', [8]],
      ['time_ids', [6]],
    ]);
    expect(decoder).toBeNull();
    const batch = batchOf(xl);
    const { output, gradStates } = await denoiser.vjp!(batch, new Float32Array(batch.states.length).fill(1));
    expect(worst(output, xl.denoised)).toBeLessThan(2e-5);
    expect(worst(gradStates, xl.grad_x)).toBeLessThan(2e-4);
    await release();
  });

  it('comes with a decoder that makes the images of diffusers', async () => {
    const { decoder, release } = await openModel(configOf(byPrompts), () => {});
    const { values, shape } = await decoder!.decode(Float32Array.from(reference.latent), [4, 8, 8]);
    expect(shape).toEqual([3, 16, 16]);
    expect(worst(values, reference.image)).toBeLessThan(1e-5);
    await release();
  });
});
