import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { modelWith } from '../../test/support/external-model';
import { DataType } from './dtype';
import { OnnxError } from './errors';
import { readModelHeader } from './header';
import { diskFiles, type ModelFiles } from './model-files';
import { readSkeleton } from './skeleton';
import { floatTensor } from './tensors';

const folder = mkdtempSync(join(tmpdir(), 's4s-skeleton-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Files on disk that count the bytes that are read. */
function counting(): { files: ModelFiles; read: () => number } {
  let bytes = 0;
  const files: ModelFiles = {
    ...diskFiles,
    async open(path) {
      const file = await diskFiles.open(path);
      return { ...file, read: (offset, length) => ((bytes += length), file.read(offset, length)) };
    },
  };
  return { files, read: () => bytes };
}

it.each(['ddpm_unet2d', 'ddpm_unet2d_op21', 'edm_songunet', 'gmm_analytic', 'mlp_sin'])(
  'the header of %s is the same without its weights',
  async (name) => {
    const path = `test/data/onnx/${name}.onnx`;
    const whole = readFileSync(path);
    const skeleton = await readSkeleton(path);
    expect(readModelHeader(skeleton, name)).toEqual(readModelHeader(whole, name));
    expect(skeleton.length).toBeLessThanOrEqual(whole.length);
  },
);

it('large weights are not read, in initialisers and in Constant nodes', async () => {
  const values = new Array<number>(600 * 600).fill(0.5);
  const [stored, constant] = ['stored', ''].map((name) => floatTensor(name, DataType.FLOAT, [600, 600], values));
  const bytes = modelWith([stored!], 600, (b) => {
    const inline = b.emit('Constant', [], { value: constant! });
    return b.emit('MatMul', [b.emit('MatMul', ['sample', 'stored']), inline]);
  });
  const path = join(folder, 'large.onnx');
  writeFileSync(path, bytes);
  expect(bytes.length).toBeGreaterThan(2.8e6);
  const { files, read } = counting();
  const skeleton = await readSkeleton(path, files);
  expect(skeleton.length).toBeLessThan(1000);
  expect(read()).toBeLessThan(400_000);
  expect(readModelHeader(skeleton, path)).toEqual(readModelHeader(bytes, path));

  truncateSync(path, 2_000_000);
  const torn = readSkeleton(path);
  await expect(torn).rejects.toThrow(OnnxError);
  await expect(torn).rejects.toThrow(
    /large\.onnx is truncated or not ONNX \(its structure ends at byte \d+ of 2000000\)/,
  );
});

it('what is no model is refused, or left to the parser', async () => {
  const path = join(folder, 'noise.onnx');
  for (let seed = 1; seed <= 30; seed++) {
    const noise = Uint8Array.from({ length: 100_000 }, (_, i) => Math.floor(Math.abs(Math.sin(i * seed)) * 1e6) % 256);
    writeFileSync(path, noise);
    const read = readSkeleton(path).then((bytes) => readModelHeader(bytes, path));
    await expect(read).rejects.toThrow(OnnxError);
  }
  await expect(readSkeleton(join(folder, 'none.onnx'))).rejects.toMatchObject({ code: 'ENOENT' });
});
