import { expect, test } from 'vitest';
import type { PortInfo } from '../header';
import { guessPorts } from '../ports';
import { guessKind, guessPrediction } from './kind';
import { chooseSizes } from './sizes';

type Shape = readonly (number | null)[];

/** What is guessed for float ports of the given shapes. */
function guess(inputs: Record<string, Shape>, outputs: Record<string, Shape>, operators: Record<string, number> = {}) {
  const list = (ports: Record<string, Shape>): PortInfo[] =>
    Object.entries(ports).map(([name, shape]) => ({ name, dtype: 'float32', shape }));
  const header = {
    irVersion: 8,
    opset: 17,
    producer: '',
    inputs: list(inputs),
    outputs: list(outputs),
    parameterCount: 0,
    nodeCount: 0,
    operators,
    externalData: [],
  };
  const ports = 't' in inputs || 'sigma' in inputs ? guessPorts(header) : null;
  const sizes = chooseSizes(header, new Map());
  const shapes = new Map(Object.entries(outputs));
  const { kind, reason } = guessKind(header, ports, shapes, sizes);
  return { kind, reason, prediction: guessPrediction(kind, ports, sizes, shapes) };
}

const image = [1, 3, 32, 32];
const unet = { Conv: 20, Resize: 2, Concat: 4, Softmax: 1, MatMul: 8 };
const transformer = { Conv: 1, MatMul: 24, Softmax: 2, Einsum: 1 };

test.each([
  ['a UNet', { sample: image, t: [1] }, { out: image }, unet, 'unet'],
  ['a transformer', { sample: image, t: [1] }, { out: image }, transformer, 'transformer'],
  ['a denoiser of points', { x: [1, 2], t: [1] }, { eps: [1, 2] }, { Gemm: 6, Softmax: 1 }, 'mlp'],
  ['a preconditioned network', { x: image, sigma: [1] }, { denoised: image }, unet, 'edm'],
  ['a time, but no known body', { x: image, t: [1] }, { out: image }, { Conv: 2 }, 'unknown'],
  ['a decoder', { latent: [1, 4, 8, 8] }, { image: [1, 3, 64, 64] }, { Conv: 9 }, 'vae-decoder'],
  ['an encoder', { image }, { mean: [1, 4, 8, 8], std: [1, 4, 8, 8] }, { Conv: 9 }, 'vae-encoder'],
  ['a decoder of videos', { latent: [1, 4, 2, 8, 8] }, { video: [1, 3, 5, 64, 64] }, { Conv: 9 }, 'vae-decoder'],
  ['an encoder of videos', { video: [1, 3, 5, 64, 64] }, { mean: [1, 4, 2, 8, 8] }, { Conv: 9 }, 'vae-encoder'],
  ['a distance', { a: image, b: image }, { distance: [1] }, { Conv: 9 }, 'perceptual'],
  ['a classifier', { image }, { logits: [1, 10], features: [1, 64] }, { Conv: 9 }, 'perceptual'],
  ['a filter', { image }, { blurred: image }, { Conv: 1 }, 'unknown'],
  ['tokens', { ids: [1, 77] }, { states: [1, 77, 16] }, { MatMul: 9 }, 'unknown'],
] as [string, Record<string, Shape>, Record<string, Shape>, Record<string, number>, string][])(
  '%s',
  (_what, inputs, outputs, operators, kind) => {
    expect(guess(inputs, outputs, operators).kind).toBe(kind);
  },
);

test('the prediction type is only told where the model says it', () => {
  expect(guess({ x: image, sigma: [1] }, { denoised: image }, unet).prediction).toMatch(
    /^sample, with noise_schedule type edm/,
  );
  const { prediction } = guess({ x: image, t: [1] }, { out: [1, 6, 32, 32] }, unet);
  expect(prediction).toMatch(/^epsilon or v_prediction .* the file does not say/);
  expect(prediction).toContain('twice the channels of the sample');
  expect(guess({ image }, { blurred: image }).prediction).toBeNull();
});
